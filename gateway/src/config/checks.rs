//! What a channel is held against beside its limits: what the file says, what it leaves to the defaults, and whether it can
//! work.

use std::num::NonZeroU64;

use muster_core::{Channel, ChannelIx, Checks, Millis};
use muster_wire::{Micro, Quantity, Unit};

use super::channels::Lowered;
use super::defaults;
use super::faults::{At, Faults, quoted};
use super::limits::Limits;
use super::names::did_you_mean;
use super::table::Table;

/// Longest time after which a value is called stuck: 30 days. Seconds.
const MAX_STUCK_S: i64 = 2_592_000;

/// The checks of a `[[channel]]` as they stand in the file. A number of `None` switches the default off.
#[derive(Default)]
pub(super) struct CheckRow {
    max_rate: Option<At<Option<Micro>>>,
    rise: Option<At<Option<Micro>>>,
    trend: Option<At<Option<Micro>>>,
    stuck_ms: Option<Option<Millis>>,
    off_ms: Option<Millis>,
    pub(super) reference: Option<At<String>>,
    pub(super) inhibited_by: Option<At<String>>,
}

impl CheckRow {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let stuck_ms = match table.is_false("stuck_s") {
            Some(_) => Some(None),
            None => table.seconds("stuck_s", 1..=MAX_STUCK_S).map(|s| Some(s.value)),
        };
        Self {
            max_rate: table.number_or_false("max_rate"),
            rise: table.number_or_false("rise"),
            trend: table.number_or_false("trend"),
            stuck_ms,
            off_ms: match table.is_false("off_delay_s") {
                Some(_) => Some(0),
                None => table.seconds("off_delay_s", 1..=3_600).map(|s| s.value),
            },
            reference: table.text("reference"),
            inhibited_by: table.text("inhibited_by"),
        }
    }

    /// Other channels are still names.
    pub(super) fn lower(&self, quantity: Quantity, limits: &Limits, faults: &Faults<'_>) -> Checks {
        let usual = defaults::checks(quantity);
        let off_ms = self
            .off_ms
            .map_or(usual.off_ms, |ms| u32::try_from(ms).unwrap_or(u32::MAX));
        let rates = [&self.max_rate, &self.rise, &self.trend];
        if quantity.unit() == Unit::Contact {
            for at in rates.into_iter().flatten().filter(|at| at.value.is_some()) {
                faults.error(at.at, "a contact has no rate", "remove it");
            }
        }
        let [jump, rise, trend] = [
            rate(&self.max_rate, usual.jump, faults),
            rate(&self.rise, usual.rise, faults),
            rate(&self.trend, usual.trend, faults),
        ];
        let above = |limit: Option<muster_core::Limit>| limit.is_some_and(|l| l.above);
        let (may_rise, may_trend) = (above(limits.alarm), above(limits.watch));
        needs(
            &self.rise,
            may_rise,
            "`rise` without an alarm above",
            "give `alarm`, or remove `rise`",
            faults,
        );
        needs(
            &self.trend,
            may_trend,
            "`trend` without a watch above",
            "give `watch`, or remove `trend`",
            faults,
        );
        Checks {
            jump,
            stuck_ms: self.stuck_ms.map_or(usual.stuck_ms, |ms| {
                ms.and_then(|ms| NonZeroU64::new(ms.unsigned_abs()))
            }),
            rise: rise.filter(|_| may_rise),
            trend: trend.filter(|_| may_trend),
            off_ms,
            reference: None,
            inhibited_by: None,
        }
    }
}

fn needs(row: &Option<At<Option<Micro>>>, met: bool, what: &str, hint: &str, faults: &Faults<'_>) {
    if let Some(at) = row.as_ref().filter(|at| at.value.is_some() && !met) {
        faults.error(at.at, what, hint);
    }
}

fn rate(row: &Option<At<Option<Micro>>>, usual: Option<NonZeroU64>, faults: &Faults<'_>) -> Option<NonZeroU64> {
    let Some(own) = row else { return usual };
    let set = own.value?;
    if set.0 <= 0 {
        faults.error(own.at, format!("{set} is no rate"), "more than 0, or false for none");
    }
    u64::try_from(set.0).ok().and_then(NonZeroU64::new)
}

/// Looks up what channels lean on. A reference has to stand outside the room, or it would cancel the room's own fire; what
/// inhibits has to be of the channel's own group, or it would silence somebody else.
pub(super) fn resolve(made: &mut [Lowered], faults: &Faults<'_>) {
    let find = |made: &[Lowered], name: &At<String>| {
        let at = made.iter().position(|m| m.channel.id == name.value);
        if at.is_none() {
            let ids = made.iter().map(|m| m.channel.id.as_str());
            let hint = did_you_mean(&name.value, ids, "the id of a channel, such as \"outside.voc\"");
            faults.error(name.at, format!("no channel {}", quoted(&name.value)), hint);
        }
        at
    };
    for ix in 0..made.len() {
        let (reference, inhibited_by) = made[ix].leans_on.clone();
        if let Some(name) = &reference
            && let Some(other) = find(made, name)
        {
            check_reference((&made[ix].channel, &made[other]), name, faults);
            made[ix].channel.checks.reference = Some(ChannelIx(other as u32));
        }
        if let Some(name) = &inhibited_by
            && let Some(other) = find(made, name)
        {
            check_inhibitor((&made[ix].channel, &made[other].channel), name, faults);
            made[ix].channel.checks.inhibited_by = Some(ChannelIx(other as u32));
        }
    }
}

fn check_reference((c, other): (&Channel, &Lowered), name: &At<String>, faults: &Faults<'_>) {
    let reference = &other.channel;
    let id = quoted(&c.id);
    if reference.quantity != c.quantity || c.quantity.unit() == Unit::Contact {
        let what = format!("the reference of {id} measures {}", reference.quantity.as_str());
        faults.error(
            name.at,
            what,
            format!("it has to measure {}, in numbers, too", c.quantity.as_str()),
        );
    }
    if reference.zone == c.zone || reference.source == c.source {
        let what = format!("the reference of {id} is in its own room, or on its own board");
        faults.error(
            name.at,
            what,
            "it has to stand outside, where a fire in the room does not reach it first",
        );
    }
    if other.leans_on.0.is_some() {
        faults.error(
            name.at,
            format!("the reference of {id} has a reference itself"),
            "name that one instead",
        );
    }
    if c.alarm.or(c.watch).is_none() {
        faults.error(
            name.at,
            format!("{id} has no limit to hold a reference against"),
            "give `alarm`, or remove it",
        );
    }
}

fn check_inhibitor((c, by): (&Channel, &Channel), name: &At<String>, faults: &Faults<'_>) {
    if by.quantity.unit() != Unit::Contact || by.id == c.id {
        let what = format!("{} cannot inhibit {}", quoted(&by.id), quoted(&c.id));
        faults.error(
            name.at,
            what,
            "name a contact that is on during its test or calibration",
        );
    } else if by.group != c.group {
        let what = format!("{} of another group would silence {}", quoted(&by.id), quoted(&c.id));
        faults.error(
            name.at,
            what,
            "only a contact of the same group may: whoever has that group has both anyway",
        );
    } else if by.alarm.is_some() {
        let what = format!("{} alarms itself, and would silence {}", quoted(&by.id), quoted(&c.id));
        faults.error(
            name.at,
            what,
            "name a contact that says test or calibration, with alarm = false",
        );
    }
}
