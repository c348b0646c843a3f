//! One channel: limits with hysteresis and k-of-n persistence, and its own faults.

use alloc::{boxed::Box, vec::Vec};
use core::num::NonZeroU64;

use muster_wire::{Absence, MICRO, Micro};

use super::{
    Change,
    limits::at_work,
    slope::Slope,
    words::{Passed, Rising},
};
use crate::{Channel, ChannelIx, Limit, Millis};

/// A fault has to have been away for this long before its trouble is cleared, so that a flapping channel is one trouble.
const FAULT_HOLD_MS: Millis = 5_000;

/// Samples beyond a limit are remembered over a gap of this many supervision windows: a channel that flaps between lost
/// and alarming must be able to alarm, and one from yesterday must not count for today.
const MEMORY_WINDOWS: Millis = 5;

/// Steps of a slow trend: a window of 16 minutes, read over 8. Vent gas of a slow fault is there 6 to 13 minutes before the
/// heat (incidents.md B1).
const TREND_STEP_MS: Millis = 60_000;

const MINUTE_MS: Millis = 60_000;
const HOUR_MS: Millis = 3_600_000;

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
    /// It changed faster than it can; not believed until the next sample bears it out.
    Jump(Micro),
    /// The same broken value for this long. Milliseconds.
    Stuck {
        /// For so long when it was found.
        ms: Millis,
    },
}

impl Fault {
    /// Nothing is heard of it, or nothing yet since it began anew.
    pub(crate) const fn is_silence(self) -> bool {
        matches!(self, Self::Stale { .. } | Self::Lost | Self::Absent(Absence::Warmup))
    }

    /// Not heard any more, or its line is cut: what a fire does to a cable. A sensor that talks nonsense has not died.
    pub(crate) const fn is_death(self) -> bool {
        match self {
            Self::Stale { .. } | Self::Lost => true,
            Self::Absent(why) => matches!(why, Absence::Bus | Absence::Lost | Absence::Open | Absence::Short),
            Self::Range(_) | Self::Simulated | Self::Reported | Self::Jump(_) | Self::Stuck { .. } => false,
        }
    }
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
    /// When the last fault was over; none if there has been none.
    #[serde(default)]
    pub(crate) mended_at: Option<Millis>,
    alarm: Passing,
    watch: Passing,
    /// Has alarmed since the last reset.
    pub(crate) alarmed: bool,
    /// Since when it has been good and below clear without a break.
    pub(crate) clear_since: Option<Millis>,
    /// Since when it has had its present value.
    #[serde(default)]
    pub(crate) value_since: Millis,
    /// A sample that was not believed because it came too fast, and when it was taken.
    #[serde(default)]
    doubted: Option<(Micro, Millis)>,
    /// An order has taken it out of service: it is looked at and casts no vote.
    #[serde(default)]
    pub(crate) bypassed: bool,
    #[serde(default)]
    rising: Option<Box<Slope>>,
    #[serde(default)]
    trend: Option<Box<Trend>>,
}

/// A slow rise.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
struct Trend {
    slope: Slope,
    /// Micro-units an hour, as of its newest point.
    per_hour: i64,
}

/// A believed sample, and what it is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) now: Millis,
    pub(crate) age_ms: Millis,
    pub(crate) value: Micro,
    /// How much of it is outside the room as well.
    pub(crate) outside: Micro,
    /// People work in the room.
    pub(crate) at_work: bool,
}

impl Seen {
    /// What is the room's own.
    fn own(&self, c: &Channel) -> Micro {
        Micro(self.value.0.saturating_sub(self.outside.0)).max(c.range.0)
    }
}

/// Where a channel stands against one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
struct Passing {
    /// The last 16 samples, 1 = beyond; the newest is bit 0.
    beyond: u16,
    /// Samples below clear in a row, the newest included.
    clear_run: u8,
    on: bool,
    /// When that row began.
    #[serde(default)]
    clear_from: Millis,
}

impl Passing {
    /// Takes a sample; `Some` when it passed the limit or came back.
    fn take(&mut self, c: &Channel, now: Millis, beyond: bool, clear: bool) -> Option<bool> {
        let window = u16::MAX >> (16 - u32::from(c.n.clamp(1, 16)));
        self.beyond = ((self.beyond << 1) | u16::from(beyond)) & window;
        if clear && self.clear_run == 0 {
            self.clear_from = now;
        }
        self.clear_run = if clear { self.clear_run.saturating_add(1) } else { 0 };
        let before = self.on;
        if !self.on && self.beyond.count_ones() >= u32::from(c.k) {
            self.on = true;
        } else if self.on && self.clear_run >= c.n && now - self.clear_from >= Millis::from(c.checks.off_ms) {
            (self.on, self.beyond) = (false, 0);
        }
        (self.on != before).then_some(self.on)
    }

    /// An earlier sample that is believed only now; the one that bears it out comes next and is what votes, so it counts
    /// only if both are beyond.
    fn count_as_well(&mut self, limit: Option<&Limit>, n: u8, both: [Micro; 2]) {
        if limit.is_some_and(|limit| both.iter().all(|value| limit.beyond(*value))) {
            self.beyond = ((self.beyond << 1) | 1) & (u16::MAX >> (16 - u32::from(n.clamp(1, 16))));
        }
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
            mended_at: None,
            alarm: Passing::default(),
            watch: Passing::default(),
            alarmed: false,
            clear_since: None,
            value_since: now,
            doubted: None,
            bypassed: false,
            rising: None,
            trend: None,
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
        let rates = |c: &Channel| (c.checks.jump, c.checks.rise, c.checks.trend, c.supervision_ms, c.range);
        if rates(before) != rates(after) {
            (self.rising, self.trend, self.doubted) = (None, None, None);
        }
    }

    /// Every time it holds, for whoever checks that they can be.
    pub(super) fn times(&self) -> impl Iterator<Item = Millis> + use<> {
        let stale_ms = match self.fault {
            Some(Fault::Stale { age_ms }) => Some(age_ms),
            _ => None,
        };
        let known = [
            self.good_at,
            self.fault_since,
            self.fault_seen,
            self.value_since,
            self.alarm.clear_from,
            self.watch.clear_from,
        ];
        let perhaps = [
            self.clear_since,
            self.mended_at,
            self.earlier.map(|(_, at)| at),
            self.doubted.map(|(_, at)| at),
            stale_ms,
        ];
        known.into_iter().chain(perhaps.into_iter().flatten())
    }

    pub(crate) fn in_alarm(&self) -> bool {
        self.alarm.on
    }

    /// In alarm, believed, and by its newest sample not on its way back.
    pub(crate) fn shows_alarm(&self) -> bool {
        self.alarm.on && self.alarm.clear_run == 0 && self.fault.is_none()
    }

    pub(crate) fn in_watch(&self) -> bool {
        self.watch.on
    }

    /// Whether a sample came faster than it can. Borne out by the next one, both are believed: a fire may be that fast.
    /// Where one sample decides, its owner has said that it does.
    pub(crate) fn doubts(&mut self, c: &Channel, (now, age_ms): (Millis, Millis), value: Micro) -> bool {
        let (Some(jump), Some(last), 2..) = (c.checks.jump, self.value, c.k) else {
            return false;
        };
        let taken = now - age_ms;
        let far = |from: Micro, at: Millis| {
            let allowed = u128::from(jump.get()) * (taken - at).max(1_000).unsigned_abs() as u128 / 1_000;
            u128::from(value.0.abs_diff(from.0)) > allowed
        };
        // Going on the same way bears it out as well: a fire may be faster than the limit for as long as it can be measured.
        let onward = |v: Micro| (v > last) == (value > last) && value.0.abs_diff(last.0) >= v.0.abs_diff(last.0);
        let borne_out = self.doubted.filter(|(v, at)| onward(*v) || !far(*v, *at));
        if taken < self.good_at || !far(last, self.good_at) || borne_out.is_some() {
            self.doubted = None;
            // How much of it was outside the room as well is not known any more.
            if let (Some((earlier, _)), None) = (borne_out, c.checks.reference) {
                self.alarm.count_as_well(c.alarm.as_ref(), c.n, [earlier, value]);
                self.watch.count_as_well(c.watch.as_ref(), c.n, [earlier, value]);
            }
            return false;
        }
        self.doubted = Some((value, taken));
        true
    }

    /// A believed sample: limits first, so that a fault that is only now over cannot hide an alarm.
    pub(crate) fn good(&mut self, c: &Channel, ix: ChannelIx, seen: &Seen, changes: &mut Vec<Change>) {
        let (now, value) = (seen.now, seen.value);
        if now - self.good_at > MEMORY_WINDOWS * c.supervision_ms {
            self.alarm.forget_samples();
            self.watch.forget_samples();
        }
        // A straggler counts for the limits, but what is newer stays the value.
        if now - seen.age_ms >= self.good_at {
            if self.value != Some(value) {
                self.value_since = now;
            }
            self.earlier = self.value.map(|v| (v, self.good_at));
            self.value = Some(value);
        }
        if let Some(ms) = self.stuck_ms(c, now) {
            self.good_at = self.good_at.max(now - seen.age_ms);
            return self.bad(ix, now, Fault::Stuck { ms }, changes);
        }
        self.pass_limits(c, ix, seen, changes);
        self.track_clear(now);
        self.heard(c, ix, (now, seen.age_ms), changes);
    }

    /// For how long it has shown one broken value. Whole units say nothing: many sensors have no finer ones.
    fn stuck_ms(&self, c: &Channel, now: Millis) -> Option<Millis> {
        let (limit, value) = (c.checks.stuck_ms?, self.value?);
        let ms = now - self.value_since;
        (value.0 % MICRO != 0 && ms.unsigned_abs() >= limit.get()).then_some(ms)
    }

    fn pass_limits(&mut self, c: &Channel, ix: ChannelIx, seen: &Seen, changes: &mut Vec<Change>) {
        let own = seen.own(c);
        let trend = self.climb(c, seen.now, own);
        let beyond_watch = c.watch.is_none_or(|w| w.beyond(own));
        let alarm = if seen.at_work { at_work(c) } else { c.alarm };
        if let Some(limit) = &alarm {
            let rise = (beyond_watch && limit.above).then(|| self.rising_fast(c)).flatten();
            let beyond = limit.beyond(own) || rise.is_some();
            if let Some(on) = self
                .alarm
                .take(c, seen.now, beyond, limit.clear_of(own) && rise.is_none())
            {
                self.alarmed |= on;
                let why = passed(c, seen, limit, on, rise.filter(|_| !limit.beyond(own)));
                changes.push(Change::Alarm { channel: ix, on, why });
            }
        }
        if let Some(limit) = &c.watch {
            let trend = trend.filter(|_| limit.above);
            let beyond = limit.beyond(own) || trend.is_some();
            if let Some(on) = self
                .watch
                .take(c, seen.now, beyond, limit.clear_of(own) && trend.is_none())
            {
                let why = passed(c, seen, limit, on, trend.filter(|_| !limit.beyond(own)));
                changes.push(Change::Watch { channel: ix, on, why });
            }
        }
    }

    /// Notes the points of both windows; the slow rise if it is as fast as it may not be.
    fn climb(&mut self, c: &Channel, now: Millis, own: Micro) -> Option<Rising> {
        if c.checks.rise.is_some() {
            let slope = self.rising.get_or_insert_with(|| Box::new(Slope::new()));
            slope.take(now, rise_step_ms(c), c.range, own);
        }
        let limit = c.checks.trend?;
        let step_ms = TREND_STEP_MS.max(rise_step_ms(c));
        let new = || {
            Box::new(Trend {
                slope: Slope::new(),
                per_hour: 0,
            })
        };
        let trend = self.trend.get_or_insert_with(new);
        if trend.slope.take(now, step_ms, c.range, own) {
            let rise = trend.slope.rise(c.range).unwrap_or(0);
            trend.per_hour = Slope::per(rise, step_ms, HOUR_MS);
        }
        fast(trend.per_hour, limit, "h")
    }

    fn rising_fast(&self, c: &Channel) -> Option<Rising> {
        fast(self.rate(c)?.0, c.checks.rise?, "min")
    }

    /// Rise in a minute, once enough is known.
    pub(crate) fn rate(&self, c: &Channel) -> Option<Micro> {
        let rise = self.rising.as_ref()?.rise(c.range)?;
        Some(Micro(Slope::per(rise, rise_step_ms(c), MINUTE_MS)))
    }

    /// Slow rise in an hour, as of its newest point.
    pub(crate) fn slow_rate(&self) -> Option<Micro> {
        self.trend.as_ref().map(|trend| Micro(trend.per_hour))
    }

    /// A good sample of it was taken after that, and it is not dead.
    pub(crate) fn is_heard_since(&self, at: Millis) -> bool {
        self.value.is_some() && self.good_at > at && !self.fault.is_some_and(Fault::is_death)
    }

    /// For how long a contact has been heard to be on; none for one that is off.
    pub(crate) fn on_for_ms(&self, now: Millis) -> Option<Millis> {
        let on = self.value.is_some_and(|v| v.0 >= MICRO);
        on.then(|| now.min(self.good_at).saturating_sub(self.value_since).max(0))
    }

    /// How many of the last samples were beyond the alarm limit.
    pub(crate) fn beyond_alarm(&self) -> u8 {
        self.alarm.beyond.count_ones() as u8
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
            (self.fault, self.mended_at) = (None, Some(now));
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
        } else if !fault.is_silence()
            && self
                .fault
                .is_some_and(|was| matches!(was, Fault::Stale { .. } | Fault::Lost))
        {
            changes.push(Change::Heard { channel: ix, fault });
        }
        self.fault = Some(fault);
    }
}

/// A point of the fast window for every beat of the sender, which may miss three in its supervision window; at most one a
/// second.
fn rise_step_ms(c: &Channel) -> Millis {
    (c.supervision_ms / 3).clamp(1_000, MINUTE_MS)
}

fn fast(rate: i64, limit: NonZeroU64, per: &'static str) -> Option<Rising> {
    let limit = i64::try_from(limit.get()).unwrap_or(i64::MAX);
    (rate >= limit).then_some(Rising {
        rate: Micro(rate),
        limit: Micro(limit),
        per,
    })
}

fn passed(c: &Channel, seen: &Seen, limit: &Limit, on: bool, rising: Option<Rising>) -> alloc::string::String {
    let (value, outside) = (seen.value, seen.outside);
    let lowered = seen.at_work && c.alarm.is_some_and(|usual| usual != *limit) && c.watch != Some(*limit);
    Passed {
        value,
        outside,
        limit: *limit,
        lowered,
        on,
        rising,
    }
    .line(c)
}
