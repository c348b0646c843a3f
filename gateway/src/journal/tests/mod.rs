//! What the tests of the journal share.
#![allow(
    clippy::disallowed_methods,
    reason = "a test of a thread may block on its processes, mounts and reports"
)]

mod broken_chain;
mod broken_file;
mod kill;
mod place;
mod prune;
mod round_trip;
mod sick_disk;
mod speed;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use muster_core::{Entry, Event, EventKind, Level, Millis, Record};

use super::{Batch, Journal, JournalError, Report, Restored, Writer};
use crate::clock::Stopwatch;
use crate::counters::Counters;
use crate::lanes::Mark;

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of its own, gone when dropped; a small file system if `mount` was asked for.
pub(crate) struct Folder {
    path: PathBuf,
    mounted: bool,
}

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("muster-journal-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self { path, mounted: false }
    }

    /// A file system in memory; none without the right to mount, which is said aloud.
    fn mounted(size: &str) -> Option<Self> {
        let mut folder = Self::new();
        folder.mounted = folder.mount(&format!("size={size}"));
        if !folder.mounted {
            eprintln!(
                "SKIPPED: no right to mount a small file system; run as root to test a full and a read-only disk"
            );
        }
        folder.mounted.then_some(folder)
    }

    fn mount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&self.path);
        mount.status().is_ok_and(|status| status.success())
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join("journal.db")
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg("-l").arg(&self.path).status();
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A writer and what it says.
struct Told {
    writer: Writer,
    reports: Receiver<Report>,
    counters: Counters,
}

fn spawn(journal: Journal) -> Told {
    let (say, reports) = mpsc::channel();
    let counters = Counters::default();
    let writer = journal
        .spawn(counters.clone(), move |report| drop(say.send(report)))
        .unwrap();
    Told {
        writer,
        reports,
        counters,
    }
}

impl Told {
    fn any(&self) -> Report {
        self.reports.recv_timeout(PATIENCE).unwrap()
    }

    /// The next one that is not about marks.
    fn next(&self) -> Report {
        loop {
            match self.any() {
                Report::Marked(_) => {}
                other => return other,
            }
        }
    }

    fn stored_through(&self, seq: u64) {
        loop {
            match self.next() {
                Report::Stored { through, .. } if through >= seq => return,
                Report::Stored { .. } | Report::Marked(_) => {}
                other => panic!("expected Stored through {seq}, got {other:?}"),
            }
        }
    }
}

/// Waits for a fact, for a bounded time.
fn until(fact: impl Fn() -> bool) {
    let since = Stopwatch::start();
    while !fact() {
        assert!(since.elapsed() < PATIENCE, "waited in vain");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Opens a journal that was closed a moment ago. A process that another test starts has all our files between its fork and
/// its exec, the lock among them.
fn open_again(path: &Path) -> (Journal, Restored) {
    let since = Stopwatch::start();
    loop {
        match Journal::open(path) {
            Err(JournalError::Locked { .. }) if since.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(1));
            }
            opened => return opened.unwrap(),
        }
    }
}

fn entry(seq: u64) -> Entry {
    Entry {
        seq,
        at: Millis::try_from(seq).unwrap() * 10,
        record: Record::StepAccepted {
            step: format!("db-{seq}.0.evacuate.busan"),
        },
    }
}

/// Batch `n` (from 1) of three entries, with the mark n of a node and one line for people.
fn batch(n: u64) -> Batch {
    let engine_ms = Millis::try_from(n).unwrap() * 30;
    Batch {
        entries: (n * 3 - 2..=n * 3).map(entry).collect(),
        marks: vec![mark("gas-1", 7, n)],
        events: vec![line(n, engine_ms, &format!("batch {n}"))],
        engine_ms,
        wall_ms: 1_665_814_740_000 + engine_ms,
    }
}

fn mark(node: &str, boot: u64, seq: u64) -> Mark {
    let node = node.into();
    Mark { node, boot, seq }
}

fn line(id: u64, at: Millis, line: &str) -> Arc<crate::told::Told> {
    let event = Event {
        kind: EventKind::Step,
        level: Level::Evacuate,
        subject: "db".into(),
        line: line.into(),
    };
    let id = i64::try_from(id).unwrap();
    Arc::new(crate::told::Told {
        id,
        at,
        wall_ms: 0,
        event,
    })
}

/// Writes `batches` whole batches and closes.
pub(crate) fn written(path: &Path, batches: u64) {
    let (journal, restored) = Journal::open(path).unwrap();
    assert!(restored.findings.is_empty(), "{:?}", restored.findings);
    let told = spawn(journal);
    (1..=batches).for_each(|n| told.writer.submit(batch(n)));
    told.stored_through(batches * 3);
    assert!(told.writer.stop());
}
