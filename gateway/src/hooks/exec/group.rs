//! A program and its process group, which is ended as a whole.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::Child;
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

use super::output::Output;

/// After SIGTERM it has this long to end by itself.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hooks) enum Ended {
    Exit(i32),
    Signal(i32),
}

/// A running program, the leader of its group. Dropping it kills the group.
#[derive(Debug)]
pub(in crate::hooks) struct Group {
    child: Child,
    pid: Pid,
    /// Says that some child of ours has ended.
    ends: Signals,
}

impl Group {
    pub(in crate::hooks) fn of(mut child: Child) -> std::io::Result<Self> {
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else {
            return Err(std::io::Error::other("it has no process id"));
        };
        match signal(SignalKind::child()) {
            Ok(ends) => Ok(Self { child, pid, ends }),
            Err(cause) => {
                let _ = kill_process_group(pid, Signal::KILL);
                let _ = child.start_kill();
                Err(cause)
            }
        }
    }

    /// Waits until the program ends; then whatever it has left behind in its group is killed.
    pub(in crate::hooks) async fn ended(&mut self) -> Ended {
        self.leader_ended().await;
        self.signal(Signal::KILL);
        match self.child.wait().await {
            Ok(status) => status
                .code()
                .map_or_else(|| Ended::Signal(status.signal().unwrap_or_default()), Ended::Exit),
            Err(_) => Ended::Exit(-1),
        }
    }

    /// SIGTERM, the grace, SIGKILL. Its output is read meanwhile: one that tidies up must not die of a broken pipe.
    pub(super) async fn terminate(&mut self, output: &mut Output) {
        self.signal(Signal::TERM);
        let reading = async {
            output.drain().await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = self.leader_ended() => {}
            () = tokio::time::sleep(GRACE) => {}
            () = reading => {}
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait().await;
    }

    /// Waits for the leader's end and does not reap it: until then its number cannot become somebody else's, so that no
    /// signal hits a stranger.
    async fn leader_ended(&mut self) {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        // An error means that it is no child of ours any more.
        while matches!(waitid(WaitId::Pid(self.pid), look), Ok(None)) {
            if self.ends.recv().await.is_none() {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        // Not once it is reaped. It fails only where there is nobody left.
        if self.child.id().is_some() {
            let _ = kill_process_group(self.pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
