//! `unless_signals`: what takes the meaning of a signal away.

use muster_wire::{Quantity, Unit};
use toml::Spanned;

use crate::fault::{Faults, nearest};
use crate::keys::Keys;

/// What this asks of a signal, in whichever way it is read.
pub(super) struct Excusable<'a> {
    pub(super) name: &'a str,
    pub(super) quantity: Quantity,
    pub(super) unless_signals: &'a [String],
}

/// The names as they stand there.
pub(super) fn read(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Vec<String> {
    let names: Option<Vec<String>> = keys.option("unless_signals", faults);
    if names.as_ref().is_some_and(Vec::is_empty) {
        faults.add(keys.place("unless_signals"), "unless_signals is empty", "leave it out");
    }
    names.unwrap_or_default()
}

/// A contact is excused by other contacts of its profile, which are not excused themselves.
pub(super) fn lint<T>(signals: &[Spanned<T>], of: fn(&T) -> Excusable<'_>, faults: &mut Faults<'_>) {
    let all: Vec<Excusable<'_>> = signals.iter().map(|signal| of(signal.get_ref())).collect();
    let contacts: Vec<&str> = all
        .iter()
        .filter(|s| s.quantity.unit() == Unit::Contact && s.unless_signals.is_empty())
        .map(|s| s.name)
        .collect();
    for (signal, place) in all.iter().zip(signals).filter(|(s, _)| !s.unless_signals.is_empty()) {
        let at = place.span().start;
        if signal.quantity.unit() != Unit::Contact {
            let what = format!("{} is a number: nothing takes its meaning away", signal.name);
            faults.add(at, what, "unless_signals is for contacts: on_battery, battery_alarm …");
        }
        for name in signal
            .unless_signals
            .iter()
            .filter(|name| !contacts.contains(&name.as_str()))
        {
            let what = format!(
                "unless_signals of {} names {name:?}, which is no contact that could",
                signal.name
            );
            faults.add(at, what, nearest(name, &contacts));
        }
    }
}
