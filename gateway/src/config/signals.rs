//! Which signals a source has by itself: those a node is said to send, or those a device's profile reads.

use std::collections::{BTreeMap, BTreeSet};

use muster_wire::Quantity;

use super::channel::quantity_hint;
use super::faults::{At, Faults, quoted};
use super::names::did_you_mean;
use super::profile;
use super::source::{Kind, SourceRow};

/// By name: what it measures, and where a fault of it is shown.
pub(super) type Signals = BTreeMap<String, (Quantity, usize)>;

/// The signals of a source before any `[[channel]]`.
pub(super) fn of(source: &SourceRow, faults: &Faults<'_>) -> Signals {
    let named = source.signals.as_deref();
    report_twins(named.unwrap_or_default(), faults);
    match &source.kind {
        Kind::Node { .. } => of_node(named.unwrap_or_default(), faults),
        Kind::Polled(polled) => {
            let known = polled.profile.as_ref().map(|p| profile::signals(p));
            known.map_or_else(Signals::new, |known| of_device(&known, named, source.at, faults))
        }
        Kind::Sensor(_) | Kind::Unknown => Signals::new(),
    }
}

fn of_node(named: &[At<String>], faults: &Faults<'_>) -> Signals {
    let mut signals = Signals::new();
    for signal in named {
        if let Some(quantity) = Quantity::from_word(&signal.value) {
            signals.insert(signal.value.clone(), (quantity, signal.at));
        } else {
            let what = format!("signal {} is not a quantity", quoted(&signal.value));
            let near = quantity_hint(&signal.value);
            let hint = format!("{near} (a signal with a name of its own needs a [[channel]])");
            faults.error(signal.at, what, hint);
        }
    }
    signals
}

fn of_device(
    known: &BTreeMap<&str, Quantity>,
    named: Option<&[At<String>]>,
    source_at: usize,
    faults: &Faults<'_>,
) -> Signals {
    let Some(named) = named else {
        let entry = |(name, quantity): (&&str, &Quantity)| ((*name).to_owned(), (*quantity, source_at));
        return known.iter().map(entry).collect();
    };
    let mut signals = Signals::new();
    for signal in named {
        match known.get(signal.value.as_str()) {
            Some(quantity) => drop(signals.insert(signal.value.clone(), (*quantity, signal.at))),
            None => unknown(signal, known, faults),
        }
    }
    signals
}

/// A signal the profile does not read is a fault.
pub(super) fn unknown(signal: &At<String>, known: &BTreeMap<&str, Quantity>, faults: &Faults<'_>) {
    let all: Vec<_> = known.keys().copied().collect();
    let what = format!("the device profile reads no signal {}", quoted(&signal.value));
    let otherwise = format!("it reads {}", all.join(", "));
    faults.error(signal.at, what, did_you_mean(&signal.value, all, &otherwise));
}

fn report_twins(named: &[At<String>], faults: &Faults<'_>) {
    let mut seen = BTreeSet::new();
    for signal in named.iter().filter(|s| !seen.insert(s.value.as_str())) {
        let what = format!("signal {} stands there twice", quoted(&signal.value));
        faults.error(signal.at, what, "remove one");
    }
}
