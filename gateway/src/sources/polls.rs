//! How the polling of every device goes, for people: who asks writes it down, who shows it reads it. Nothing decides by it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Stopwatch;
use crate::config::Polled;
use crate::counters::Cause;

/// Longest line kept of an error, in characters; what a peer says is not ours to bound otherwise.
const LONGEST_LINE: usize = 300;

/// The devices that are polled, by source id. Clone freely.
#[derive(Clone, Debug, Default)]
pub struct Polls {
    devices: Arc<Mutex<BTreeMap<String, Device>>>,
    totals: Arc<Totals>,
}

/// Of all devices together, since the start.
#[derive(Debug, Default)]
struct Totals {
    heard: AtomicU64,
    missed: AtomicU64,
}

#[derive(Clone, Debug)]
struct Device {
    kind: &'static str,
    address: String,
    profile: String,
    probe: String,
    port: String,
    is_line: bool,
    polling: Polling,
}

/// How it goes with one device; its poller's end. Never held across a wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Polling {
    course: Arc<Mutex<Course>>,
    totals: Arc<Totals>,
}

#[derive(Debug, Default)]
struct Course {
    period: Option<Duration>,
    /// The last sound cycle: when it ended, and how long it took.
    heard: Option<(Stopwatch, Duration)>,
    failed: Option<(Stopwatch, Cause, String)>,
    note: Option<String>,
    missed: u64,
}

/// One device, and how it goes with it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// `modbus`, `nut` or `snmp`.
    pub(crate) kind: &'static str,
    /// `host:port`; never a login.
    pub(crate) address: String,
    /// `vendor/model`.
    pub(crate) profile: String,
    /// What to type to ask it by hand.
    pub(crate) probe: String,
    /// What all devices there have in common: the serial line, or the address.
    pub(crate) port: String,
    /// It is on a serial line, of this machine or behind a server of lines: a bus, however many are on it.
    pub(crate) is_line: bool,
    /// How it goes.
    pub(crate) now: Now,
}

/// How it goes with one device. All times are real milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Now {
    /// Between two turns; none until the poller has begun.
    pub(crate) poll_ms: Option<u64>,
    /// How long the last sound cycle took, from the first question to the last answer.
    pub(crate) cycle_ms: Option<u64>,
    /// Since then.
    pub(crate) answered_ms: Option<u64>,
    /// Turns that were due and could not be made, since it was first polled: it, or Muster, was too slow.
    pub(crate) missed: u64,
    /// Why what it answers has no value, for as long as that is so.
    pub(crate) note: Option<String>,
    /// The last error. It stays when the device is heard again.
    pub(crate) last_error: Option<LastError>,
}

/// What was not as it should be, and how long ago. Real milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastError {
    pub(crate) cause: Cause,
    pub(crate) line: String,
    pub(crate) age_ms: u64,
}

impl Polls {
    /// A device is about to be polled, by a poller that knows nothing of one before it.
    pub(crate) fn open(&self, source: &Polled) -> Polling {
        let polling = Polling {
            totals: self.totals.clone(),
            ..Polling::default()
        };
        let device = Device {
            kind: source.way.kind(),
            address: source.address.clone(),
            profile: source.way.profile_name(),
            probe: source.probe_command(),
            port: source
                .modbus()
                .map_or_else(|| source.address.to_ascii_lowercase(), |way| way.port.bus()),
            is_line: source.modbus().is_some_and(|way| way.port.baud().is_some()),
            polling: polling.clone(),
        };
        locked(&self.devices).insert(source.id.clone(), device);
        polling
    }

    /// Forgets the devices that a config does not name.
    pub(crate) fn keep(&self, polled: &[Polled]) {
        locked(&self.devices).retain(|id, _| polled.iter().any(|source| source.id == *id));
    }

    /// Sound cycles of all devices since the start, and turns that were due and could not be made.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let of = |total: &AtomicU64| total.load(Ordering::Relaxed);
        (of(&self.totals.heard), of(&self.totals.missed))
    }

    /// How it goes with a device; none if it is not polled.
    pub(crate) fn of(&self, id: &str) -> Option<Shown> {
        let device = locked(&self.devices).get(id).cloned()?;
        Some(Shown {
            kind: device.kind,
            now: device.polling.now(),
            address: device.address,
            profile: device.profile,
            probe: device.probe,
            port: device.port,
            is_line: device.is_line,
        })
    }
}

impl Polling {
    /// Its turns are so far apart.
    pub(crate) fn every(&self, period: Duration) {
        locked(&self.course).period = Some(period);
    }

    /// A sound cycle that was begun then.
    pub(crate) fn heard(&self, begun: &Stopwatch) {
        self.totals.heard.fetch_add(1, Ordering::Relaxed);
        locked(&self.course).heard = Some((Stopwatch::start(), begun.elapsed()));
    }

    /// So many turns were due and could not be made.
    pub(crate) fn missed(&self, turns: u64) {
        if turns > 0 {
            self.totals.missed.fetch_add(turns, Ordering::Relaxed);
            locked(&self.course).missed += turns;
        }
    }

    /// As it stands.
    pub(crate) fn now(&self) -> Now {
        let course = locked(&self.course);
        let (heard, failed) = (course.heard.as_ref(), course.failed.as_ref());
        Now {
            poll_ms: course.period.map(millis),
            cycle_ms: heard.map(|(_, took)| millis(*took)),
            answered_ms: heard.map(|(since, _)| millis(since.elapsed())),
            missed: course.missed,
            note: course.note.clone(),
            last_error: failed.map(|(since, cause, line)| LastError {
                cause: *cause,
                line: line.clone(),
                age_ms: millis(since.elapsed()),
            }),
        }
    }

    /// Why what it answers has no value; none if it has.
    pub(crate) fn note(&self, why: Option<String>) {
        let mut course = locked(&self.course);
        if course.note != why {
            course.note = why;
        }
    }

    /// Something was not as it should be.
    pub(crate) fn failed(&self, cause: Cause, line: &str) {
        let line = line.chars().take(LONGEST_LINE).collect();
        locked(&self.course).failed = Some((Stopwatch::start(), cause, line));
    }
}

/// What is written in one go is whole even if somebody panicked elsewhere.
fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
