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
/// After its end.
const DRAIN: Duration = Duration::from_millis(200);
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
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut group = Group::of(child).map_err(Fault::Start)?;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let ended = {
            let reading = async { tokio::join!(read(stdout, &mut out), read(stderr, &mut err)) };
            tokio::pin!(reading);
            tokio::select! {
                ended = group.ended() => {
                    // What others still hold its output open for, such as a lasting ssh, is not waited for.
                    let _ = tokio::time::timeout(DRAIN, reading).await;
                    ended
                }
                _ = &mut reading => group.ended().await,
            }
        };
        match ended {
            Ended::Exit(0) => Ok(String::from_utf8_lossy(&out).into_owned()),
            Ended::Exit(_) | Ended::Signal(_) => Err(Fault::Said {
                error: errors(&String::from_utf8_lossy(&err), ended),
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

async fn read(from: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut from) = from else {
        return;
    };
    let mut piece = [0; 4_096];
    while let Ok(n @ 1..) = from.read(&mut piece).await {
        let room = OUTPUT_BYTES - kept.len();
        kept.extend_from_slice(&piece[..n.min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::clock::Stopwatch;

    /// A program that behaves as no virsh should.
    async fn run(script: &str, limit_ms: u64) -> Result<String, Fault> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("virsh");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let limit = Duration::from_millis(limit_ms);
        Virsh::at(&path).run("test:///default", &["domstate", "x"], limit).await
    }

    #[tokio::test]
    async fn one_that_hangs_is_ended_and_one_that_talks_is_cut_off() {
        assert!(matches!(run("sleep 60", 300).await, Err(Fault::Timeout { .. })));
        let much = run("yes 0123456789 | head -c 2000000", 20_000).await.unwrap();
        assert_eq!(much.len(), OUTPUT_BYTES);
    }

    #[tokio::test]
    async fn what_goes_on_in_the_background_is_not_waited_for() {
        let since = Stopwatch::start();
        let said = run("setsid sleep 20 & echo running", 15_000).await.unwrap();
        assert_eq!(said.trim(), "running");
        assert!(since.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn errors_are_one_line_and_absence_is_told_from_silence() {
        let said = |words: &'static str| async move { run(&format!("printf '{words}' >&2; exit 1"), 15_000).await };
        let absent = said("error: failed to get domain \\047x\\047\\n").await.unwrap_err();
        assert!(absent.is_absence(), "{absent}");
        let silent = said("error: failed to connect to the hypervisor\\nerror: refused\\n")
            .await
            .unwrap_err();
        assert!(!silent.is_absence());
        assert_eq!(silent.to_string(), "failed to connect to the hypervisor: refused");
        assert!(
            said("")
                .await
                .unwrap_err()
                .to_string()
                .contains("virsh ended with Exit(1)")
        );
        let missing = Virsh::at(Path::new("/no/such")).run("x", &[], ASK).await;
        assert!(matches!(missing, Err(Fault::Start(_))));
    }
}
