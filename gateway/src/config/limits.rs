//! Limits of one channel: what the file says, what it leaves to the defaults, and whether they can work.

use muster_core::Limit;
use muster_wire::{MICRO, Micro, Quantity};

use super::defaults;
use super::faults::{At, Faults};
use super::table::Table;

/// The limits of a `[[channel]]` as they stand in the file.
#[derive(Default)]
pub(super) struct LimitRow {
    watch: Pair,
    alarm: Pair,
    /// Where it says that beyond means below.
    below: Option<usize>,
    k: Option<At<u8>>,
    n: Option<At<u8>>,
}

/// Set and clear of one limit; a set of `None` switches the default off.
#[derive(Default)]
struct Pair {
    set: Option<At<Option<Micro>>>,
    clear: Option<At<Micro>>,
}

/// Limits as the decision takes them.
pub(super) struct Limits {
    pub(super) watch: Option<Limit>,
    pub(super) alarm: Option<Limit>,
    pub(super) k: u8,
    pub(super) n: u8,
}

impl LimitRow {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let below = table.flag("below", false);
        let count = |key| table.integer(key, 1..=16).map(|n| n.map(|n| n as u8));
        Self {
            watch: Pair {
                set: table.number_or_false("watch"),
                clear: table.number("watch_clear"),
            },
            alarm: Pair {
                set: table.number_or_false("alarm"),
                clear: table.number("alarm_clear"),
            },
            below: table.place("below").filter(|_| below),
            k: count("k"),
            n: count("n"),
        }
    }

    /// Checks them against the quantity. `at` is where a fault of a default is shown.
    pub(super) fn lower(&self, quantity: Quantity, at: usize, faults: &Faults<'_>) -> Limits {
        let check = Check {
            quantity,
            at,
            above: self.below.is_none(),
            faults,
        };
        // The defaults all look above; a channel that looks below has none.
        let (watch, alarm) = if check.above {
            defaults::limits(quantity)
        } else {
            (None, None)
        };
        self.warn_of_lost_alarm(&check);
        let alarm = check.limit("alarm", &self.alarm, alarm);
        // A default watch that an own alarm has overtaken is dropped: nobody asked for it.
        let overtaken = |w: &Micro| alarm.is_some_and(|a| *w >= a.set) && self.watch.clear.is_none();
        let watch = check.limit("watch", &self.watch, watch.filter(|w| !overtaken(w)));
        check.order(&self.watch, watch, alarm);
        let (k, n) = self.persistence(faults);
        Limits { watch, alarm, k, n }
    }

    fn warn_of_lost_alarm(&self, check: &Check<'_>) {
        let Some(below) = self.below else { return };
        if self.watch.set.is_none() && self.alarm.set.is_none() {
            check.faults.error(
                below,
                "`below` without `watch` or `alarm`",
                "give a limit, or remove `below`",
            );
        } else if let (Some(usual), None) = (defaults::limits(check.quantity).1, &self.alarm.set) {
            let what = format!(
                "the default alarm at {} does not hold for a channel that looks below",
                check.shown(usual)
            );
            check
                .faults
                .warning(below, what, "give `alarm`, or alarm = false if that is meant");
        }
    }

    fn persistence(&self, faults: &Faults<'_>) -> (u8, u8) {
        let (k, n) = match (&self.k, &self.n) {
            (Some(k), Some(n)) => (k.value, n.value),
            (Some(k), None) => (k.value, defaults::N.max(k.value)),
            (None, Some(n)) => (defaults::K.min(n.value), n.value),
            (None, None) => (defaults::K, defaults::N),
        };
        if let Some(at) = self.k.as_ref().filter(|_| k > n) {
            faults.error(
                at.at,
                format!("k = {k} of n = {n} samples can never be reached"),
                "k must not be more than n",
            );
        }
        (k, n)
    }
}

struct Check<'a> {
    quantity: Quantity,
    at: usize,
    above: bool,
    faults: &'a Faults<'a>,
}

impl Check<'_> {
    fn limit(&self, name: &str, pair: &Pair, usual: Option<Micro>) -> Option<Limit> {
        let (set, at) = match &pair.set {
            Some(own) => (own.value, own.at),
            None => (usual, self.at),
        };
        let Some(set) = set else {
            if let Some(clear) = &pair.clear {
                let what = format!("`{name}_clear` without `{name}`");
                self.faults
                    .error(clear.at, what, format!("give `{name}`, or remove `{name}_clear`"));
            }
            return None;
        };
        let own_clear = pair.clear.as_ref().map(|c| (c.value, c.at));
        let (clear, clear_at) = own_clear.unwrap_or((defaults::clear(self.quantity, set, self.above), at));
        let limit = Limit {
            set,
            clear,
            above: self.above,
        };
        if self.set_in_range(name, set, at) {
            self.check_clear(name, limit, clear_at);
        }
        Some(limit)
    }

    fn set_in_range(&self, name: &str, set: Micro, at: usize) -> bool {
        let (low, high) = self.range();
        let inside = (low..=high).contains(&set);
        if !inside {
            let what = format!(
                "{name} {} is outside what a {} can be",
                self.shown(set),
                self.quantity.as_str()
            );
            self.faults
                .error(at, what, format!("from {low} to {}", self.shown(high)));
        }
        inside
    }

    fn check_clear(&self, name: &str, limit: Limit, at: usize) {
        let (low, high) = self.range();
        let Limit { set, clear, above } = limit;
        let wrong_side = if above { clear > set } else { clear < set };
        let never = if above { clear <= low } else { clear >= high };
        let side = if above { "below" } else { "above" };
        if wrong_side {
            let what = format!(
                "{name} clears at {}, beyond its limit {}",
                self.shown(clear),
                self.shown(set)
            );
            self.faults
                .error(at, what, format!("`{name}_clear` must be at or {side} the limit"));
        } else if never {
            let what = format!(
                "{name} clears only {side} {}, which no {} reaches",
                self.shown(clear),
                self.quantity.as_str()
            );
            self.faults
                .error(at, what, format!("give a `{name}_clear` nearer to the limit"));
        }
    }

    fn order(&self, row: &Pair, watch: Option<Limit>, alarm: Option<Limit>) {
        let (Some(watch), Some(alarm)) = (watch, alarm) else {
            return;
        };
        let before = if self.above {
            watch.set < alarm.set
        } else {
            watch.set > alarm.set
        };
        if !before {
            let at = row.set.as_ref().map_or(self.at, |s| s.at);
            let what = format!(
                "watch {} does not come before alarm {}",
                self.shown(watch.set),
                self.shown(alarm.set)
            );
            self.faults.error(
                at,
                what,
                "a watch limit is reached first; move one of them, or watch = false",
            );
        }
    }

    fn range(&self) -> (Micro, Micro) {
        let (low, high) = self.quantity.range_units();
        (Micro(low.saturating_mul(MICRO)), Micro(high.saturating_mul(MICRO)))
    }

    fn shown(&self, value: Micro) -> String {
        format!("{value} {}", self.quantity.unit().as_str())
    }
}
