//! One channel: limits with hysteresis and k-of-n persistence, and its own faults.

use alloc::{format, string::String, vec::Vec};
use muster_wire::{Absence, Micro, Quantity, Unit};

use super::Change;
use crate::{Channel, ChannelIx, Limit, Millis};

/// A fault has to have been away for this long before its trouble is cleared, so that a flapping channel is one trouble.
const FAULT_HOLD_MS: Millis = 5_000;

/// Samples beyond a limit are remembered over a gap of this many supervision windows: a channel that flaps between lost
/// and alarming must be able to alarm, and one from yesterday must not count for today.
const MEMORY_WINDOWS: Millis = 5;

/// Why a channel is not believed or not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Fault {
    /// The sender itself says there is no value.
    Absent(Absence),
    /// Outside what can be.
    Range(Micro),
    /// Simulated, at a site that is not.
    Simulated,
    /// No good sample for this long. Milliseconds.
    Stale {
        /// Age when it was found.
        age_ms: Millis,
    },
    /// Its source is gone.
    Lost,
    /// The device says that it is at fault itself; the reading is good.
    Reported,
}

/// What is known of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct ChannelState {
    /// Last good value; never a stand-in for a missing one.
    pub(crate) value: Option<Micro>,
    /// When the last good sample was taken, by its age; when the channel was configured, before the first.
    pub(crate) good_at: Millis,
    /// The good sample before that.
    pub(crate) earlier: Option<(Micro, Millis)>,
    /// Present fault.
    pub(crate) fault: Option<Fault>,
    /// Since when.
    pub(crate) fault_since: Millis,
    fault_seen: Millis,
    alarm: Passing,
    watch: Passing,
    /// Has alarmed since the last reset.
    pub(crate) alarmed: bool,
    /// Since when it has been good and below clear without a break.
    pub(crate) clear_since: Option<Millis>,
}

/// Where a channel stands against one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
struct Passing {
    /// The last 16 samples, 1 = beyond; the newest is bit 0.
    beyond: u16,
    /// Samples below clear in a row, the newest included.
    clear_run: u8,
    on: bool,
}

impl Passing {
    /// Takes a sample; `Some` when it passed the limit or came back.
    fn take(&mut self, limit: &Limit, k: u8, n: u8, value: Micro) -> Option<bool> {
        let beyond = if limit.above {
            value >= limit.set
        } else {
            value <= limit.set
        };
        let clear = if limit.above {
            value < limit.clear
        } else {
            value > limit.clear
        } && !beyond;
        let window = u16::MAX >> (16 - u32::from(n.clamp(1, 16)));
        self.beyond = ((self.beyond << 1) | u16::from(beyond)) & window;
        self.clear_run = if clear { self.clear_run.saturating_add(1) } else { 0 };
        let before = self.on;
        if !self.on && self.beyond.count_ones() >= u32::from(k) {
            self.on = true;
        } else if self.on && self.clear_run >= n {
            (self.on, self.beyond) = (false, 0);
        }
        (self.on != before).then_some(self.on)
    }

    /// What was counted before a long gap says nothing about now; that it had passed its limit stands.
    fn forget_samples(&mut self) {
        (self.beyond, self.clear_run) = (0, 0);
    }
}

impl ChannelState {
    pub(crate) fn new(now: Millis) -> Self {
        Self {
            value: None,
            good_at: now,
            earlier: None,
            fault: None,
            fault_since: now,
            fault_seen: now,
            alarm: Passing::default(),
            watch: Passing::default(),
            alarmed: false,
            clear_since: None,
        }
    }

    /// Under other limits, counting begins anew; that it has alarmed stands, as its group's vote does.
    pub(super) fn judge_by(&mut self, before: &Channel, after: &Channel) {
        let same_count = (before.k, before.n) == (after.k, after.n);
        if !same_count || before.alarm != after.alarm {
            (self.alarm, self.clear_since) = (Passing::default(), None);
        }
        if !same_count || before.watch != after.watch {
            self.watch = Passing::default();
        }
    }

    /// Every time it holds, for whoever checks that they can be.
    pub(super) fn times(&self) -> impl Iterator<Item = Millis> + use<> {
        let stale_ms = match self.fault {
            Some(Fault::Stale { age_ms }) => Some(age_ms),
            _ => None,
        };
        let known = [self.good_at, self.fault_since, self.fault_seen];
        let perhaps = [self.clear_since, self.earlier.map(|(_, at)| at), stale_ms];
        known.into_iter().chain(perhaps.into_iter().flatten())
    }

    pub(crate) fn in_alarm(&self) -> bool {
        self.alarm.on
    }

    pub(crate) fn in_watch(&self) -> bool {
        self.watch.on
    }

    /// A believed sample of this age: limits first, so that a fault that is only now over cannot hide an alarm.
    pub(crate) fn good(
        &mut self,
        c: &Channel,
        ix: ChannelIx,
        (now, age_ms): (Millis, Millis),
        value: Micro,
        changes: &mut Vec<Change>,
    ) {
        if now - self.good_at > MEMORY_WINDOWS * c.supervision_ms {
            self.alarm.forget_samples();
            self.watch.forget_samples();
        }
        // A straggler counts for the limits, but what is newer stays the value.
        if now - age_ms >= self.good_at {
            self.earlier = self.value.map(|v| (v, self.good_at));
            self.value = Some(value);
        }
        if let Some(limit) = &c.alarm
            && let Some(on) = self.alarm.take(limit, c.k, c.n, value)
        {
            self.alarmed |= on;
            changes.push(Change::Alarm {
                channel: ix,
                on,
                why: passed(c, limit, value, on),
            });
        }
        if let Some(limit) = &c.watch
            && let Some(on) = self.watch.take(limit, c.k, c.n, value)
        {
            changes.push(Change::Watch {
                channel: ix,
                on,
                why: passed(c, limit, value, on),
            });
        }
        self.track_clear(now);
        self.heard(c, ix, (now, age_ms), changes);
    }

    /// Heard, and there is nothing to know: neither a value nor a fault.
    pub(crate) fn unknown(&mut self, c: &Channel, ix: ChannelIx, when: (Millis, Millis), changes: &mut Vec<Change>) {
        (self.value, self.earlier) = (None, None);
        self.heard(c, ix, when, changes);
    }

    /// The device reports a fault of its own.
    pub(crate) fn reported(
        &mut self,
        ix: ChannelIx,
        (now, age_ms): (Millis, Millis),
        value: Micro,
        changes: &mut Vec<Change>,
    ) {
        self.good_at = self.good_at.max(now - age_ms);
        self.value = Some(value);
        self.bad(ix, now, Fault::Reported, changes);
    }

    fn heard(&mut self, c: &Channel, ix: ChannelIx, (now, age_ms): (Millis, Millis), changes: &mut Vec<Change>) {
        self.good_at = self.good_at.max(now - age_ms);
        if self.fault.is_some() && now - self.fault_seen >= FAULT_HOLD_MS.min(c.supervision_ms) {
            self.fault = None;
            changes.push(Change::Fault {
                channel: ix,
                fault: None,
            });
        }
    }

    fn track_clear(&mut self, now: Millis) {
        // Between clear and set, or a sample beyond that has not persisted yet: not clear.
        let clear = !self.alarm.on && self.alarm.beyond == 0 && self.alarm.clear_run > 0;
        self.clear_since = if clear { self.clear_since.or(Some(now)) } else { None };
    }

    /// A sample that is not believed. Neither limit moves: a fault never adds a vote and never takes one away.
    pub(crate) fn bad(&mut self, ix: ChannelIx, now: Millis, fault: Fault, changes: &mut Vec<Change>) {
        self.fault_seen = now;
        self.clear_since = None;
        if self.fault.is_none() {
            self.fault_since = now;
            changes.push(Change::Fault {
                channel: ix,
                fault: Some(fault),
            });
        }
        self.fault = Some(fault);
    }
}

/// What a contact that is on says, where its name need not tell.
pub(crate) const fn meaning(quantity: Quantity, on: bool) -> &'static str {
    match quantity {
        Quantity::EmergencyPowerOff if on => ": emergency power off, what this room alone feeds is without power",
        Quantity::SuppressionDischarge if on => ": the suppression has been released",
        Quantity::FireWarning if on => ": first stage, one detector alone",
        Quantity::OnGenerator if on => ": the site runs on its generator",
        _ => "",
    }
}

/// `node-1.smoke 3.2 %/m, at or above its limit of 2 %/m in 2 of the last 3 samples`; of a contact `panel.in1 is on in …`.
fn passed(c: &Channel, limit: &Limit, value: Micro, on: bool) -> String {
    let (id, unit) = (&c.id, c.quantity.unit());
    if unit == Unit::Contact {
        let state = if value.0 == 0 { "off" } else { "on" };
        let samples = if on {
            format!("in {} of the last {}", c.k, c.n)
        } else {
            format!("for {}", c.n)
        };
        return format!("{id} is {state} {samples} samples{}", meaning(c.quantity, on));
    }
    let unit = unit.as_str();
    if on {
        let side = if limit.above { "at or above" } else { "at or below" };
        format!(
            "{id} {value} {unit}, {side} its limit of {} {unit} in {} of the last {} samples",
            limit.set, c.k, c.n
        )
    } else {
        format!(
            "{id} {value} {unit}, clear of {} {unit} for {} samples",
            limit.clear, c.n
        )
    }
}
