//! A real browser, driven through its own debugging pipe: JSON, each message ended by a zero byte.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use muster::clock::Stopwatch;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::talk::SOON;

/// Its pipe is on descriptors 3 and 4.
const START: &str = "exec chromium --headless --no-sandbox --disable-gpu --disable-background-networking \
                     --hide-scrollbars --remote-debugging-pipe --user-data-dir=\"$0\" 3<&0 4>&1 0</dev/null 1>/dev/null";

/// One page in a Chromium of its own. Dropping it ends it.
pub(crate) struct Browser {
    said: ChildStdin,
    heard: BufReader<ChildStdout>,
    calls: u64,
    session: Option<String>,
    _child: Child,
    _profile: TempDir,
}

impl Browser {
    /// Opens a page in a window of this size.
    pub(crate) async fn open(url: &str, (width, height): (u32, u32)) -> Self {
        let profile = TempDir::new().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", START]).arg(profile.path());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut browser = Self {
            said: child.stdin.take().unwrap(),
            heard: BufReader::new(child.stdout.take().unwrap()),
            calls: 0,
            session: None,
            _child: child,
            _profile: profile,
        };
        let target = browser
            .call("Target.createTarget", json!({ "url": "about:blank" }))
            .await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", attach).await;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        browser.call("Emulation.setDeviceMetricsOverride", size).await;
        browser.call("Page.navigate", json!({ "url": url })).await;
        browser
    }

    /// Goes somewhere else, as if through a proxy.
    pub(crate) async fn go_through_a_proxy(&mut self, url: &str) {
        let trace = json!({ "headers": { "X-Forwarded-For": "10.0.0.7" } });
        self.call("Network.enable", json!({})).await;
        self.call("Network.setExtraHTTPHeaders", trace).await;
        self.call("Page.navigate", json!({ "url": url })).await;
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.said.write_all(&bytes).await.unwrap();
        let answer = timeout(2 * SOON, self.answer()).await;
        answer.unwrap_or_else(|_| panic!("Chromium did not answer to {method}"))
    }

    /// Everything else it says is passed over.
    async fn answer(&mut self) -> Value {
        loop {
            let mut bytes = Vec::new();
            self.heard.read_until(0, &mut bytes).await.unwrap();
            assert!(bytes.pop() == Some(0), "Chromium has gone");
            let message: Value = serde_json::from_slice(&bytes).unwrap();
            if message["id"] == self.calls {
                assert!(message["error"].is_null(), "{message}");
                return message["result"].clone();
            }
        }
    }

    /// What a script gives; null if it throws.
    pub(crate) async fn evaluate(&mut self, script: &str) -> Value {
        let asked = json!({ "expression": script, "returnByValue": true });
        self.call("Runtime.evaluate", asked).await["result"]["value"].clone()
    }

    /// The text that a person can see: nothing that the style hides.
    pub(crate) async fn text(&mut self) -> String {
        let text = self.evaluate("document.body.innerText").await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until that text satisfies something; gives it and how long it took.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> (String, Duration) {
        let since = Stopwatch::start();
        loop {
            let text = self.text().await;
            if holds(&text) {
                return (text, since.elapsed());
            }
            assert!(since.elapsed() < SOON, "not within {SOON:?}: {what}:\n{text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A picture of the window, PNG.
    pub(crate) async fn picture(&mut self) -> Vec<u8> {
        let shot = self.call("Page.captureScreenshot", json!({ "format": "png" })).await;
        BASE64_STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }
}
