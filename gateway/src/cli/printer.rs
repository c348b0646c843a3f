//! Printing without ever waiting for whoever reads: a paused terminal must not hold up a decision.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

/// Lines that wait for a slow reader; beyond it they are dropped and their number is told.
const WAITING_LINES: usize = 4_096;

/// Hands lines to a thread that prints them. Clone freely; the thread ends with the last clone.
#[derive(Clone, Debug)]
pub struct Printer {
    lines: SyncSender<String>,
    dropped: Arc<AtomicU64>,
}

impl Printer {
    /// A printer to stdout.
    #[must_use]
    pub fn to_stdout() -> Self {
        let (lines, waiting) = sync_channel::<String>(WAITING_LINES);
        let dropped = Arc::new(AtomicU64::new(0));
        let told = dropped.clone();
        std::thread::spawn(move || {
            for line in waiting {
                let missed = told.swap(0, Ordering::Relaxed);
                if missed > 0 {
                    print(&format!(
                        "({missed} lines could not be shown in time; they are in the journal)"
                    ));
                }
                print(&line);
            }
        });
        Self { lines, dropped }
    }

    /// Prints a line as soon as the reader takes it. Never waits.
    pub fn line(&self, line: String) {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(line) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A reader that has gone (a closed pipe) is no reason to stop watching a battery room.
fn print(line: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
