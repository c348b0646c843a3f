//! The gateway as the process that it is: started, listened to, killed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster::clock::Stopwatch;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::talk::{self, Api, SOON};

/// The binary, which `cargo test --workspace` builds beside the tests.
pub(crate) fn binary() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let path = here.parent().and_then(Path::parent).unwrap().join("muster");
    assert!(
        path.exists(),
        "{} is missing: cargo build --release -p muster",
        path.display()
    );
    path
}

/// Runs a command of the binary to its end.
pub(crate) async fn muster(arguments: &[&str]) -> Output {
    muster_within(arguments, SOON).await
}

/// As [`muster`], with another bound.
pub(crate) async fn muster_within(arguments: &[&str], bound: Duration) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    timeout(bound, command.output()).await.unwrap().unwrap()
}

/// What a command printed, as one JSON document.
pub(crate) fn document(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// The port in the address of the config's only polled source.
pub(crate) fn panel_of(config: &Path) -> u16 {
    let text = std::fs::read_to_string(config).unwrap();
    let (_, rest) = text.split_once("address = \"127.0.0.1:").unwrap();
    rest.split('"').next().unwrap().parse().unwrap()
}

/// A running `muster run … --json`. Dropping it kills it.
pub(crate) struct Muster {
    child: Child,
    said: Arc<Mutex<Vec<Value>>>,
    /// Its API.
    pub(crate) api: Api,
    /// Its broker.
    pub(crate) mqtt: SocketAddr,
    /// Port of its site's fire panel.
    pub(crate) panel: u16,
}

impl Muster {
    /// Starts it and waits until it watches.
    pub(crate) async fn start(config: &Path) -> Self {
        Self::start_by(Command::new(binary()), config).await
    }

    /// The same, with strace beside it: at its `nth` write at a place in a file it is killed before the write is made. None:
    /// never, and every one is counted in the file `strace`.
    pub(crate) async fn start_traced(config: &Path, nth: Option<usize>, strace: &Path) -> Self {
        let mut command = Command::new("strace");
        // `-D`: the gateway is our child, and strace its grandchild.
        command
            .args(["-D", "-q", "-f", "-e", "trace=pwrite64", "-o"])
            .arg(strace);
        if let Some(nth) = nth {
            command.arg("-e").arg(format!("inject=pwrite64:signal=KILL:when={nth}"));
        }
        command.arg(binary());
        Self::start_by(command, config).await
    }

    async fn start_by(mut command: Command, config: &Path) -> Self {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(config.with_extension("log"));
        let mut child = command
            .args(["run", "--json"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                heard
                    .lock()
                    .unwrap()
                    .push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
        });
        let started = || {
            let said = said.lock().unwrap();
            said.iter().find(|line| !line["started"].is_null()).cloned()
        };
        let started = talk::until("the gateway watches", started).await;
        let address = |name: &str| started[name].as_str().unwrap().parse().unwrap();
        Self {
            api: Api::new(address("http")),
            mqtt: address("mqtt"),
            panel: panel_of(config),
            child,
            said,
        }
    }

    /// Events of a kind whose line contains some words, so far.
    pub(crate) fn said(&self, kind: &str, words: &str) -> usize {
        let fits = |line: &&Value| {
            let event = &line["event"];
            event["kind"] == kind && event["line"].as_str().is_some_and(|l| l.contains(words))
        };
        self.said.lock().unwrap().iter().filter(fits).count()
    }

    /// Waits for the `nth` such event, counted from 1. False if the evacuation was over before it came.
    pub(crate) async fn until_said(&self, kind: &str, words: &str, nth: usize) {
        let what = format!("{kind}: {words}");
        let since = Stopwatch::start();
        while self.said(kind, words) < nth {
            assert!(since.elapsed() < SOON, "not within {SOON:?}: {what}");
            // Finer than other waits: what a kill hits is a matter of milliseconds.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Sends a signal by its name.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap();
        let signal = Command::new("sh").arg("-c").arg(format!("kill -{name} {id}")).status();
        assert!(signal.await.unwrap().success());
    }

    /// kill -9, and gone.
    pub(crate) async fn kill(mut self) {
        timeout(SOON, self.child.kill()).await.unwrap().unwrap();
    }

    /// Whether it has ended.
    pub(crate) fn is_gone(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// SIGTERM; how it ended and how long that took.
    pub(crate) async fn terminate(mut self) -> (ExitStatus, Duration) {
        let since = Stopwatch::start();
        self.signal("TERM").await;
        let status = timeout(SOON, self.child.wait()).await.unwrap().unwrap();
        (status, since.elapsed())
    }
}
