//! `muster` as a process: what a user starts, and what can be measured by itself.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{Api, Room, SOON};

/// `muster run`, until it is dropped.
pub(crate) struct Process {
    pub(crate) api: Api,
    pub(crate) mqtt: u16,
    /// Dropping it kills the process.
    child: Child,
    folder: TempDir,
}

impl Process {
    /// Starts it with a room's config; its hook goes nowhere.
    pub(crate) async fn run(room: &Room) -> Self {
        Self::of(&room.text(SocketAddr::from(([127, 0, 0, 1], 9)))).await
    }

    /// Starts it with a config.
    pub(crate) async fn of(config: &str) -> Self {
        Self::in_environment(config, &[]).await
    }

    /// Starts it with a config and more in its environment.
    pub(crate) async fn in_environment(config: &str, more: &[(&str, &str)]) -> Self {
        Self::with(&muster(), config, more).await
    }

    /// As [`Process::in_environment`], of another binary.
    pub(crate) async fn with(binary: &Path, config: &str, more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("muster.toml");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(binary);
        command.arg("run").arg("--json").arg(&file).kill_on_drop(true);
        let log = std::fs::File::create(folder.path().join("muster.log")).unwrap();
        command.stdout(Stdio::piped()).stderr(log).envs(more.iter().copied());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let started = loop {
            let line = timeout(SOON, lines.next_line()).await.unwrap().unwrap().unwrap();
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["started"].is_string() {
                break line;
            }
        };
        // It would wait for a reader of its events for ever.
        tokio::spawn(async move { while lines.next_line().await.is_ok_and(|l| l.is_some()) {} });
        let address = |key: &str| started[key].as_str().unwrap().parse::<SocketAddr>().unwrap();
        Self {
            api: Api::of(address("http")),
            // `off` has none.
            mqtt: started["mqtt"]
                .as_str()
                .and_then(|a| a.parse().ok())
                .map_or(0, |a: SocketAddr| a.port()),
            child,
            folder,
        }
    }

    /// Puts another config file in the place of its own.
    pub(crate) fn edit(&self, config: &str) {
        std::fs::write(self.folder.path().join("muster.toml"), config).unwrap();
    }

    /// What it has said on stderr.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("muster.log")).unwrap()
    }

    /// The system's number of it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it has ended")
    }

    /// Sends it a signal, as `HUP`.
    pub(crate) async fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.id().to_string())
            .status();
        assert!(sent.await.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> ExitStatus {
        timeout(SOON, self.child.wait())
            .await
            .expect("it does not end")
            .unwrap()
    }

    /// `muster sim` for its config, until it is dropped.
    pub(crate) fn simulate(&self, scenario: &str) -> Child {
        let config = self.folder.path().join("muster.toml");
        begin(&["sim", config.to_str().unwrap(), "--scenario", scenario])
    }
}

/// `muster` with these arguments, until it is dropped.
pub(crate) fn begin(arguments: &[&str]) -> Child {
    let mut command = Command::new(muster());
    command.args(arguments).kill_on_drop(true);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Runs `muster` to its end, within a bound.
pub(crate) async fn run_to_end(arguments: &[&str]) -> Output {
    let mut command = Command::new(muster());
    command.args(arguments).kill_on_drop(true);
    timeout(SOON, command.output())
        .await
        .expect("muster goes on and on")
        .unwrap()
}

/// The binary beside the tests'. `cargo test --workspace` has built it; a test of one package has not.
fn muster() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let binary = tests.parent().unwrap().parent().unwrap().join("muster");
    assert!(binary.exists(), "build it first: cargo build --release -p muster");
    binary
}

/// A recording that `muster sim` plays, until it is dropped.
pub(crate) struct Tape {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    _child: Child,
}

impl Tape {
    /// On a free port, with more options.
    pub(crate) async fn play(file: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(muster());
        command.args(["sim", "--listen", "127.0.0.1:0", "--capture"]).arg(file);
        command.args(more).kill_on_drop(true).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(SOON, lines.next_line()).await.unwrap().unwrap().unwrap();
        let (_, told) = line.split_once(" answers on ").unwrap();
        let address = told.split(' ').next().unwrap().parse().unwrap();
        Self { address, _child: child }
    }
}
