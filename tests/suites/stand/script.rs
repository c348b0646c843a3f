//! A Python program that is told what to do line by line in JSON, and answers each line with one.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::SOON;

/// Runs until it is dropped.
pub(crate) struct Script {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Script {
    /// Starts `tests/suites/{path}` with one argument, in the Python that `tests/run` names.
    pub(crate) fn start(path: &str, argument: &Value) -> Self {
        let python = std::env::var("MUSTER_TEST_PYTHON").expect("MUSTER_TEST_PYTHON names a Python; tests/run sets it");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let mut command = Command::new(python);
        command.arg("-W").arg("ignore").arg(script).arg(argument.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, input, output }
    }

    /// Its next line.
    pub(crate) async fn hear(&mut self) -> Value {
        let line = timeout(SOON, self.output.next_line())
            .await
            .expect("the script is silent");
        let line = line.unwrap().expect("the script has ended");
        serde_json::from_str(&line).unwrap()
    }

    /// Tells it something without waiting for its answer.
    pub(crate) async fn tell(&mut self, command: &Value) {
        self.input.write_all(format!("{command}\n").as_bytes()).await.unwrap();
    }

    /// Tells it something and gives its answer.
    pub(crate) async fn ask(&mut self, command: &Value) -> Value {
        self.tell(command).await;
        self.hear().await
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}
