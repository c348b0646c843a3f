//! `muster hooks test`: the references pass it, and whoever breaks the contract is found.

mod exec;
mod mosquitto_paho;
mod nodejs;
mod python;

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::site::acting_site::SECRET;
use crate::site::process::{binary, document};
use crate::site::receiver::Receiver;

/// A whole trial, on a busy machine.
const WHOLE: Duration = Duration::from_secs(120);

/// What a trial came to.
struct Judged {
    code: Option<i32>,
    report: Value,
}

impl Judged {
    /// Runs `muster hooks test --json` with these arguments.
    async fn of(arguments: &[&str]) -> Self {
        Self::with_input(arguments, async |_| {}).await
    }

    /// As [`Judged::of`], and does something once it asks for a restart.
    async fn with_input(arguments: &[&str], restart: impl AsyncFnOnce(&mut String)) -> Self {
        let mut command = Command::new(binary());
        command.args(["hooks", "test", "--json"]).args(arguments);
        command.env("MUSTER_HOOK_SECRET", SECRET).kill_on_drop(true);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        if arguments.contains(&"--restart") {
            let mut asks = tokio::io::BufReader::new(child.stderr.as_mut().unwrap());
            let mut line = String::new();
            let asked = tokio::io::AsyncBufReadExt::read_line(&mut asks, &mut line);
            timeout(WHOLE, asked).await.unwrap().unwrap();
            restart(&mut line).await;
        }
        let _ = input.write_all(b"\n").await;
        drop(input);
        let output: Output = timeout(WHOLE, child.wait_with_output()).await.unwrap().unwrap();
        assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let report = document(&output);
        assert_eq!(report["schema"], 1);
        Self {
            code: output.status.code(),
            report,
        }
    }

    /// Names of the cases with a verdict.
    fn cases(&self, verdict: &str) -> Vec<&str> {
        let cases = self.report["cases"].as_array().unwrap().iter();
        let of = cases.filter(|case| case["verdict"] == verdict);
        of.map(|case| case["case"].as_str().unwrap()).collect()
    }

    /// The cases that did not pass, to be shown.
    fn rest(&self) -> String {
        let cases = self.report["cases"].as_array().unwrap().iter();
        let rest = cases.filter(|case| case["verdict"] != "pass");
        rest.map(|case| format!("{case}\n")).collect()
    }

    /// Nothing failed, and these cases could not be seen.
    #[track_caller]
    fn assert_passed(&self, not_seen: &[&str]) {
        assert!(self.cases("fail").is_empty(), "{}", self.rest());
        assert_eq!(self.cases("not_seen"), not_seen, "{}", self.rest());
        assert_eq!((self.code, &self.report["passed"]), (Some(0), &Value::Bool(true)));
    }

    /// This case failed, with a reason and advice.
    #[track_caller]
    fn assert_found(&self, what: &str, case: &str) {
        assert!(
            self.cases("fail").contains(&case),
            "{what} was not found: {:#}",
            self.report
        );
        assert_eq!(self.code, Some(1), "{what}");
        let mut all = self.report["cases"].as_array().unwrap().iter();
        let found = all.find(|found| found["case"] == case).unwrap();
        for words in ["why", "mend"] {
            assert!(!found[words].as_str().unwrap().is_empty(), "{what}: {found}");
        }
    }
}

/// A reference receiver, started at a port or at any, is judged for real, and asked after `kill -9` for what it has to remember.
async fn passes_for_real_and_over_a_kill(work_s: &str, start: impl AsyncFn(Option<u16>) -> Receiver) {
    let mut receiver = Some(start(None).await);
    let url = receiver.as_ref().unwrap().url.clone();
    let effects = format!("{url}effects");
    let restart = async |_: &mut String| {
        let port = receiver.take().unwrap().kill().await;
        receiver = Some(start(Some(port)).await);
    };
    let judged = Judged::with_input(&[&url, "--live", "--restart", "--effects", &effects], restart).await;
    let not_seen: &[&str] = if work_s == "0" {
        &["progress", "cut-off"]
    } else {
        &["cut-off"]
    };
    judged.assert_passed(not_seen);
}
