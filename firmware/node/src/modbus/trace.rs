//! What has happened on the line, for whoever debugs on the bench.

use core::cell::Cell;
use core::fmt;

/// Counted since the start; each wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounters {
    /// Cycles begun.
    pub cycles: u32,
    /// Cycles whose values were told.
    pub good: u32,
    /// Questions without an answer in time.
    pub timeouts: u32,
    /// Answers of another device.
    pub wrong_unit: u32,
    /// Answers to another function.
    pub wrong_function: u32,
    /// Answers of another length than the question's.
    pub wrong_length: u32,
    /// Answers with a wrong check sum.
    pub checksum: u32,
    /// Questions that the device refused.
    pub exceptions: u32,
    /// Cycles whose canary did not hold.
    pub canary: u32,
    /// Bytes that nobody had asked for.
    pub discarded: u32,
    /// Questions not asked, because the line did not fall silent or could not be written.
    pub busy: u32,
}

/// The counters of one line, shared with whoever prints them.
#[derive(Debug, Default)]
pub struct LineTrace(Cell<LineCounters>);

impl LineTrace {
    /// All zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What has happened so far.
    pub fn counters(&self) -> LineCounters {
        self.0.get()
    }

    pub(super) fn count(&self, which: impl FnOnce(&mut LineCounters) -> &mut u32, by: usize) {
        let mut counters = self.0.get();
        let counter = which(&mut counters);
        *counter = counter.wrapping_add(u32::try_from(by).unwrap_or(u32::MAX));
        self.0.set(counters);
    }
}

impl fmt::Display for LineCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cycles,
            good,
            timeouts,
            wrong_unit,
            wrong_function,
            wrong_length,
            ..
        } = self;
        let Self {
            checksum,
            exceptions,
            canary,
            discarded,
            busy,
            ..
        } = self;
        write!(
            f,
            "line: cycles {cycles} good {good} timeouts {timeouts} unit {wrong_unit} function {wrong_function} length \
             {wrong_length} crc {checksum} exceptions {exceptions} canary {canary} discarded {discarded} busy {busy}"
        )
    }
}
