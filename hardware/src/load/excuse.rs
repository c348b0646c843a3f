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

/// States of the power path that a test puts a UPS into on purpose, among contacts that are nothing else.
const POWER_STATES: [&str; 5] = ["battery_low", "bypass", "charger_off", "discharging", "output_off"];

/// Whether a test may take its meaning away. An alarm is never made a good 0: a battery may burn while it is tested.
fn may_be_excused(name: &str, quantity: Quantity) -> bool {
    match quantity {
        Quantity::OnBattery => true,
        Quantity::Contact => POWER_STATES.contains(&name),
        _ => false,
    }
}

/// Refuses it where nothing may take a meaning away.
pub(super) fn allow(name: &str, quantity: Quantity, at: usize, faults: &mut Faults<'_>) {
    if !may_be_excused(name, quantity) {
        let what = format!("{name} is a {}: nothing takes its meaning away", quantity.as_str());
        let hint = format!(
            "leave it out: only on_battery, and contacts named {}, are what a test does on purpose; never an alarm or a fault",
            POWER_STATES.join(", ")
        );
        faults.add(at, what, hint);
    }
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
        allow(signal.name, signal.quantity, at, faults);
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
