//! Printing without ever waiting for whoever reads: a paused terminal must not hold up a decision.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Lines that wait for a slow reader; beyond it they are dropped and their number is told.
const WAITING_LINES: usize = 4_096;

/// At the end, a reader has this long to take what waits.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);

/// What the printing thread is handed.
#[derive(Debug)]
enum Job {
    Line(String),
    /// Everything before this has been printed.
    Done(SyncSender<()>),
}

/// Hands lines to a thread that prints them. Clone freely; the thread ends with the last clone.
#[derive(Clone, Debug)]
pub struct Printer {
    jobs: SyncSender<Job>,
    dropped: Arc<AtomicU64>,
}

impl Printer {
    /// A printer to stdout.
    #[must_use]
    pub fn to_stdout() -> Self {
        let (jobs, waiting) = sync_channel(WAITING_LINES);
        let dropped = Arc::new(AtomicU64::new(0));
        let told = dropped.clone();
        std::thread::spawn(move || work(&waiting, &told));
        Self { jobs, dropped }
    }

    /// Prints a line as soon as the reader takes it. Never waits.
    pub fn line(&self, line: String) {
        if let Err(TrySendError::Full(_)) = self.jobs.try_send(Job::Line(line)) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits, for a while, until everything has been printed: for the end of the process only.
    pub fn drain(&self) {
        let (done, finished) = sync_channel(1);
        if self.jobs.try_send(Job::Done(done)).is_ok() {
            // A reader that does not read for so long has had its chance.
            let _ = finished.recv_timeout(DRAIN_WITHIN);
        }
    }
}

fn work(waiting: &Receiver<Job>, dropped: &AtomicU64) {
    for job in waiting {
        let missed = dropped.swap(0, Ordering::Relaxed);
        if missed > 0 {
            print(&format!(
                "({missed} lines could not be shown in time; they are in the journal)"
            ));
        }
        match job {
            Job::Line(line) => print(&line),
            // Whoever waited may have given up.
            Job::Done(done) => drop(done.try_send(())),
        }
    }
}

/// A reader that has gone (a closed pipe) is no reason to stop watching a battery room.
fn print(line: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
