//! A profile of NUT's variables.

use crate::fault::Faults;
use crate::keys::Keys;
use crate::{Excuse, Head, Meaning, NutProfile, NutSignal};

use super::names::{name, quantity};
use super::{excuse, meaning, names_once, plain, signals};

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
    let variable = variable("variable", &mut keys, faults);
    let quantity = quantity(&mut keys, faults);
    let meaning = meaning::read(&mut keys, quantity, faults);
    let is_excusable = keys.has("unless") || keys.has("unless_variable");
    let by_other = other(&mut keys, meaning.as_ref(), faults);
    if let (true, Some(name), Some(quantity)) = (is_excusable, &name, quantity) {
        excuse::allow(name, quantity, keys.at, faults);
    }
    let trip = keys.option("trip", faults).unwrap_or(false);
    keys.finish(faults);
    Some(NutSignal {
        excuse: by_other,
        name: name?,
        variable: variable?,
        meaning: meaning?,
        quantity: quantity?,
        trip,
    })
}

/// `unless_variable` and `unless_says`: both or neither, and of words only.
fn other(keys: &mut Keys<'_, '_>, meaning: Option<&Meaning>, faults: &mut Faults<'_>) -> Option<Excuse> {
    const BOTH: &str = "unless_variable = \"ups.test.result\" and unless_says = [\"in progress\"], beside words";
    let says: Option<Vec<String>> = keys.option("unless_says", faults);
    if !keys.has("unless_variable") && says.is_none() {
        return None;
    }
    let is_words = meaning.is_none_or(|meaning| matches!(meaning, Meaning::Words { .. }));
    let texts = says.filter(|texts| !texts.is_empty() && texts.iter().all(|text| !text.trim().is_empty()));
    if !keys.has("unless_variable") || texts.is_none() || !is_words {
        faults.add(keys.at, "what takes the meaning away is not whole", BOTH);
    }
    let variable = variable("unless_variable", keys, faults)?;
    Some(Excuse { variable, says: texts? })
}

/// It goes into a line of the protocol as it stands.
fn variable(key: &'static str, keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<String> {
    let variable: String = keys.must(key, faults)?;
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    if (1..=64).contains(&variable.len()) && variable.bytes().all(fits) {
        return Some(variable);
    }
    let what = format!("{key} {variable:?} is none of NUT's");
    faults.add(keys.place(key), what, "as upsc prints it: battery.charge, ups.status …");
    None
}
