//! One channel: what its sample says, and whether it has to be said.

use muster_wire::{Absence, Micro};

use crate::ChannelSpec;
use crate::check::Checks;

/// Which way a sample goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Not before the next heartbeat.
    Quiet,
    /// With the data.
    Data,
    /// At once.
    Alarm,
    /// At once, and before all that waits.
    Gasp,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel<'a> {
    pub(crate) spec: ChannelSpec<'a>,
    checks: Checks,
    in_alarm: bool,
    /// Ticks until the next sample.
    rests: u16,
    /// A heartbeat came while it rested.
    beat: bool,
    reported: Option<Result<Micro, Absence>>,
}

impl<'a> Channel<'a> {
    pub(crate) fn new(spec: ChannelSpec<'a>) -> Self {
        Self {
            spec,
            checks: Checks::default(),
            in_alarm: false,
            rests: 0,
            beat: false,
            reported: None,
        }
    }

    /// Whether it is sampled at this tick, and whether it has to be reported then.
    pub(crate) fn is_due(&mut self, beat: bool) -> Option<bool> {
        self.beat |= beat;
        if self.spec.every == 0 || self.rests > 0 {
            self.rests = self.rests.saturating_sub(1);
            return None;
        }
        self.rests = self.spec.every - 1;
        Some(core::mem::take(&mut self.beat))
    }

    /// Whether a heartbeat came since the last report; for a channel that nobody samples, but that is told.
    pub(crate) fn take_beat(&mut self) -> bool {
        core::mem::take(&mut self.beat)
    }

    /// One sample. Each goes out at most once, one way: the gateway counts samples, and twice the same would be two.
    pub(crate) fn sample(
        &mut self,
        now_ms: u64,
        beat: bool,
        sample: Result<Micro, Absence>,
    ) -> (Result<Micro, Absence>, Report) {
        let value = sample.and_then(|value| self.checks.judge(&self.spec, now_ms, value));
        let report = match self.report(value) {
            Report::Quiet if beat => Report::Data,
            report => report,
        };
        if report != Report::Quiet {
            self.reported = Some(value);
        }
        (value, report)
    }

    /// Whether this value would put the channel into alarm. A look between two samples: the checks are not told of it.
    pub(crate) fn is_edge(&self, value: Micro) -> bool {
        !self.in_alarm && self.spec.alarm.is_some_and(|limit| limit.alarms(value, false))
    }

    fn report(&mut self, value: Result<Micro, Absence>) -> Report {
        let before = self.in_alarm;
        if let (Ok(value), Some(limit)) = (value, self.spec.alarm) {
            self.in_alarm = limit.alarms(value, before);
        }
        match (self.in_alarm, value.is_ok()) {
            (true, true) if self.spec.last_gasp && !before => Report::Gasp,
            (true, true) => Report::Alarm,
            (true, false) if self.has_changed(value) => Report::Alarm,
            (false, _) if before || self.has_changed(value) => Report::Data,
            _ => Report::Quiet,
        }
    }

    fn has_changed(&self, value: Result<Micro, Absence>) -> bool {
        match (self.reported, value) {
            (Some(Ok(Micro(before))), Ok(Micro(value))) => {
                let change = value.abs_diff(before);
                self.spec
                    .report_delta
                    .is_some_and(|delta| change > 0 && change >= delta.0.unsigned_abs())
            }
            (reported, value) => reported != Some(value),
        }
    }
}
