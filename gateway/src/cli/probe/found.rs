//! One device that was found, whatever it speaks, and how a person is shown it.

use std::fmt::Write as _;

use muster_profiles::Named;
use muster_wire::{Absence, Micro, Quantity};
use serde_json::{Value, json};

use crate::cli::profile::in_words;

/// What was found.
pub(super) struct Found {
    /// Its name where it was found, such as `rack-a`.
    pub(super) name: String,
    /// Maker, model, serial number; as far as it says. What comes from the device is harmless to a terminal by now.
    pub(super) what: String,
    /// What else a person should know, a line each.
    pub(super) notes: Vec<String>,
    /// Lines of `[[source]]` that say how it is reached.
    pub(super) keys: Vec<(&'static str, toml::Value)>,
    /// Its signals that answered, or why it says nothing.
    pub(super) signals: Result<Vec<Live>, String>,
    /// Signals of its profile that it does not have.
    pub(super) silent: Vec<String>,
}

/// A signal and what it says now.
pub(super) struct Live {
    pub(super) name: String,
    pub(super) quantity: Quantity,
    pub(super) trip: bool,
    pub(super) value: Result<Micro, Absence>,
    /// Where it stands in the device.
    pub(super) place: String,
    /// The device has it, whatever it says now.
    pub(super) there: bool,
}

/// A signal that says this is there: a runtime has no value on mains, and is there all the same.
pub(super) fn has(quantity: Quantity, value: Result<Micro, Absence>) -> bool {
    value.is_ok() || quantity == Quantity::Runtime && value == Err(Absence::Range)
}

impl Found {
    pub(super) fn answers(&self) -> bool {
        self.live().next().is_some()
    }

    /// The signals that may be configured.
    pub(super) fn live(&self) -> impl Iterator<Item = &Live> {
        self.signals.iter().flatten().filter(|live| live.there)
    }
}

impl Live {
    fn words(&self) -> String {
        if self.there && self.value.is_err() {
            return "no value now".to_owned();
        }
        let named = Named {
            name: &self.name,
            quantity: self.quantity,
            trip: self.trip,
        };
        in_words(self.value, &named)
    }
}

/// A heading, a table, and what is missing.
pub(super) fn shown(found: &Found) -> String {
    let mut text = format!("{}  {}\n", found.name, found.what).replace("  \n", "\n");
    for note in &found.notes {
        let _ = writeln!(text, "  {note}");
    }
    match &found.signals {
        Ok(live) if live.is_empty() => {}
        Err(why) => {
            let _ = writeln!(text, "  says nothing: {why}");
        }
        Ok(live) => {
            let _ = writeln!(text, "  {:<24} {:<16} read from", "signal", "value now");
            for signal in live {
                let _ = writeln!(text, "  {:<24} {:<16} {}", signal.name, signal.words(), signal.place);
            }
        }
    }
    if !found.silent.is_empty() {
        let _ = writeln!(text, "  it does not have: {}", found.silent.join(", "));
    }
    text + "\n"
}

/// All of it for programs.
pub(super) fn json(address: &str, found: &[Found], blocks: &str) -> String {
    let devices: Vec<Value> = found.iter().map(device).collect();
    let document = json!({ "schema": 1, "address": address, "devices": devices, "config": blocks });
    format!("{document}\n")
}

fn device(found: &Found) -> Value {
    let signal = |live: &Live| {
        json!({
            "signal": live.name, "quantity": live.quantity.as_str(), "unit": live.quantity.unit().as_str(),
            "value": live.value.ok().map(|Micro(micro)| micro as f64 / 1e6),
            "absent": live.value.err().map(Absence::as_str), "place": live.place,
        })
    };
    let signals: Option<Vec<Value>> = found.signals.as_ref().ok().map(|all| all.iter().map(signal).collect());
    json!({
        "name": found.name, "what": found.what, "notes": found.notes, "signals": signals, "trouble": found.signals.as_ref().err(),
        "without": found.silent,
    })
}
