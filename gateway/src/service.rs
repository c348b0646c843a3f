//! What the service manager is told, where there is one: sd_notify(3). Without NOTIFY_SOCKET nothing happens.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::clock::Stopwatch;

/// It beats this many times within the time after which the manager would restart us.
const BEATS_WITHIN: u32 = 5;

/// The heart-beat of the decision loop. The loop itself beats after a turn, so that a loop that hangs is restarted however
/// well the rest of the process does.
#[derive(Debug, Default)]
pub struct Beat(Option<Line>);

#[derive(Debug)]
struct Line {
    socket: UnixDatagram,
    every: Duration,
    last: Option<Stopwatch>,
}

impl Beat {
    /// As the environment asks (WATCHDOG_USEC, WATCHDOG_PID, NOTIFY_SOCKET); none without it.
    #[must_use]
    pub fn of_environment() -> Self {
        match (sd_notify::watchdog_enabled(), std::env::var_os("NOTIFY_SOCKET")) {
            (Some(within), Some(socket)) => Self::to(Path::new(&socket), within).unwrap_or_else(|error| {
                tracing::error!(%error, "the watchdog cannot be fed; it will restart us");
                Self::default()
            }),
            _ => Self::default(),
        }
    }

    /// To a socket whose owner expects to hear of us within a time.
    ///
    /// # Errors
    /// There is no such socket.
    pub fn to(socket: &Path, within: Duration) -> std::io::Result<Self> {
        let line = UnixDatagram::unbound()?;
        line.connect(socket)?;
        // A manager that reads nothing must not hold up a decision.
        line.set_nonblocking(true)?;
        Ok(Self(Some(Line {
            socket: line,
            every: within / BEATS_WITHIN,
            last: None,
        })))
    }

    /// After every turn of the loop.
    pub(crate) fn turn(&mut self) {
        let Some(line) = &mut self.0 else { return };
        if line.last.is_some_and(|last| last.elapsed() < line.every) {
            return;
        }
        line.last = Some(Stopwatch::start());
        // One that is not taken is followed by the next.
        let _ = line.socket.send(NotifyState::Watchdog.to_string().as_bytes());
    }
}

/// We run: the engine decides and everything listens.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A new config is being read; [`ready`] follows, whatever came of it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// We stop.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// One line for whoever asks how we are.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
