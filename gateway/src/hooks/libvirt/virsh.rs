//! One `virsh` a question: fixed arguments, nothing of our environment but what ssh needs, a deadline, bounded output.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::fault::Fault;
use crate::hooks::exec::group::{Ended, Group};
use crate::hooks::note;

/// A question is answered within this.
pub(super) const ASK: Duration = Duration::from_secs(10);
/// Read of either stream; what lies beyond is thrown away.
const OUTPUT_BYTES: usize = 256 * 1_024;
/// What is kept of our own environment: ssh finds its keys by it.
const KEPT: [&str; 4] = ["HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK"];
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The program.
#[derive(Debug)]
pub(super) struct Virsh {
    path: PathBuf,
}

impl Virsh {
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Runs a command at a hypervisor to its end; what it printed. Dropping this ends it.
    pub(super) async fn run(&self, uri: &str, arguments: &[&str], limit: Duration) -> Result<String, Fault> {
        let what = || arguments.first().copied().unwrap_or_default().to_owned();
        let whole = self.to_its_end(uri, arguments);
        match tokio::time::timeout(limit, whole).await {
            Ok(done) => done,
            Err(_) => Err(Fault::Timeout { what: what(), limit }),
        }
    }

    async fn to_its_end(&self, uri: &str, arguments: &[&str]) -> Result<String, Fault> {
        let mut command = Command::new(&self.path);
        command
            .args(["--quiet", "--connect", uri])
            .args(arguments)
            .current_dir("/")
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C")
            .envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().map_err(Fault::Start)?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let mut group = Group::of(child).map_err(Fault::Start)?;
        let (ended, out, err) = tokio::join!(group.ended(), read(out), read(err));
        match ended {
            Ended::Exit(0) => Ok(out),
            Ended::Exit(_) | Ended::Signal(_) => Err(Fault::Said {
                error: errors(&err, ended),
            }),
        }
    }
}

/// Its lines of errors without the word, on one line.
fn errors(err: &str, ended: Ended) -> String {
    let lines: Vec<_> = err
        .lines()
        .filter_map(|line| line.trim().strip_prefix("error: "))
        .collect();
    if lines.is_empty() {
        return format!("virsh ended with {ended:?}");
    }
    note::clean(lines.join(": ").as_bytes())
}

async fn read(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else {
        return String::new();
    };
    let (mut kept, mut piece) = (Vec::new(), [0; 4_096]);
    while let Ok(n @ 1..) = from.read(&mut piece).await {
        let room = OUTPUT_BYTES - kept.len();
        kept.extend_from_slice(&piece[..n.min(room)]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}
