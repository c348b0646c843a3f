//! A profile of NUT's variables.

use crate::fault::Faults;
use crate::keys::Keys;
use crate::{Head, NutProfile, NutSignal};

use super::names::{name, quantity};
use super::{meaning, names_once, plain, signals};

pub(super) fn read(mut keys: Keys<'_, '_>, head: Option<Head>, faults: &mut Faults<'_>) -> Option<NutProfile> {
    let signals = signals(&mut keys, faults, signal);
    names_once(&signals, |signal| &signal.name, faults);
    keys.finish(faults);
    Some(NutProfile {
        head: head?,
        signals: plain(signals),
    })
}

fn signal(mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<NutSignal> {
    let name = name(&mut keys, faults);
    let variable = variable(&mut keys, faults);
    let quantity = quantity(&mut keys, faults);
    let meaning = meaning::read(&mut keys, quantity, faults);
    let trip = keys.option("trip", faults).unwrap_or(false);
    keys.finish(faults);
    Some(NutSignal {
        name: name?,
        variable: variable?,
        meaning: meaning?,
        quantity: quantity?,
        trip,
    })
}

/// It goes into a line of the protocol as it stands.
fn variable(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<String> {
    let variable: String = keys.must("variable", faults)?;
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    if (1..=64).contains(&variable.len()) && variable.bytes().all(fits) {
        return Some(variable);
    }
    let what = format!("variable {variable:?} is none of NUT's");
    faults.add(
        keys.place("variable"),
        what,
        "as upsc prints it: battery.charge, ups.status …",
    );
    None
}
