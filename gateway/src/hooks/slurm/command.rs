//! Slurm's own commands: fixed arguments, no shell, a deadline, and a bound on what is read. They log in by munge as the
//! gateway's user.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::config::SlurmTarget;
use crate::hooks::note;

/// What is read of what a command prints: 40,000 lines of a hundred bytes.
const OUTPUT_BYTES: u64 = 4 * 1_024 * 1_024;
/// And of what it complains.
const WORDS_BYTES: u64 = 8 * 1_024;
/// What Slurm says where it will not have us do it.
const DENIED: &str = "Access/permission denied";

/// Why a command has had no effect.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// Not started.
    #[error("{program} cannot be started")]
    Start {
        program: &'static str,
        #[source]
        source: std::io::Error,
    },
    /// Too slow: the controller does not answer, as a rule.
    #[error("{program} has not ended within {} ms", limit.as_millis())]
    Timeout { program: &'static str, limit: Duration },
    /// It ended with an error.
    #[error("{program}: {words}")]
    Refused { program: &'static str, words: String },
    /// It printed more than is read.
    #[error("{program} printed more than {OUTPUT_BYTES} bytes")]
    TooLong { program: &'static str },
}

impl CommandError {
    /// Whether it is certain that it will not be done for us.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self, Self::Refused { words, .. } if words.contains(DENIED))
    }
}

/// A cluster's commands.
#[derive(Clone, Debug)]
pub(super) struct Commands {
    pub(super) target: SlurmTarget,
    /// Of one command.
    pub(super) limit: Duration,
}

impl Commands {
    /// What a command prints. Dropped, it is killed.
    pub(super) async fn run(&self, program: &'static str, arguments: &[&str]) -> Result<String, CommandError> {
        let whole = tokio::time::timeout(self.limit, self.whole(program, arguments)).await;
        whole.unwrap_or(Err(CommandError::Timeout {
            program,
            limit: self.limit,
        }))
    }

    async fn whole(&self, program: &'static str, arguments: &[&str]) -> Result<String, CommandError> {
        let start = |source| CommandError::Start { program, source };
        let mut child = self.command(program).args(arguments).spawn().map_err(start)?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (out, err) = tokio::join!(some_of(out, OUTPUT_BYTES), some_of(err, WORDS_BYTES));
        if out.len() as u64 >= OUTPUT_BYTES {
            return Err(CommandError::TooLong { program });
        }
        let status = child.wait().await.map_err(start)?;
        if status.success() {
            return Ok(String::from_utf8_lossy(&out).into_owned());
        }
        let words = if err.is_empty() { out } else { err };
        let words = note::clean(&words);
        Err(CommandError::Refused {
            program,
            words: if words.is_empty() { status.to_string() } else { words },
        })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.target.commands.join(program));
        command.env_clear().env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        if let Some(conf) = &self.target.conf {
            command.env("SLURM_CONF", conf);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

async fn some_of(from: Option<impl AsyncRead + Unpin>, bytes: u64) -> Vec<u8> {
    let mut read = Vec::new();
    if let Some(from) = from {
        let _ = from.take(bytes).read_to_end(&mut read).await;
    }
    read
}
