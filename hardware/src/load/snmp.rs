//! A profile of SNMP's objects.

use toml::Spanned;
use toml::de::DeValue;

use crate::fault::{Faults, nearest};
use crate::keys::Keys;
use crate::{Exception, Head, Meaning, Oid, Place, SnmpProfile, SnmpSignal};

use super::excuse::{self, Excusable};
use super::names::{name, quantity};
use super::{meaning, names_once, one_by_one, plain, signals};

pub(super) fn read(mut keys: Keys<'_, '_>, head: Option<Head>, faults: &mut Faults<'_>) -> Option<SnmpProfile> {
    let ids = sys_object_ids(&mut keys, faults);
    let signals = signals(&mut keys, faults, signal);
    names_once(&signals, |signal| &signal.name, faults);
    excuse::lint(&signals, excusable, faults);
    let exceptions = exceptions(&mut keys, faults);
    for exception in &exceptions {
        fits_a_signal(exception, &signals, faults);
    }
    keys.finish(faults);
    Some(SnmpProfile {
        head: head?,
        sys_object_ids: ids,
        signals: plain(signals),
        exceptions: plain(exceptions),
    })
}

fn excusable(signal: &SnmpSignal) -> Excusable<'_> {
    Excusable {
        name: &signal.name,
        quantity: signal.quantity,
        unless_signals: &signal.unless_signals,
    }
}

fn sys_object_ids(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Vec<Oid> {
    let texts: Vec<String> = keys.option("sys_object_ids", faults).unwrap_or_default();
    let at = keys.place("sys_object_ids");
    texts.iter().filter_map(|text| parsed(text, at, faults)).collect()
}

fn parsed(text: &str, at: usize, faults: &mut Faults<'_>) -> Option<Oid> {
    let found = text.parse();
    if let Err(why) = &found {
        faults.add(at, format!("{text:?}: {why}"), "such as \"1.3.6.1.2.1.33.1.2.4.0\"");
    }
    found.ok()
}

fn oid(keys: &mut Keys<'_, '_>, key: &'static str, faults: &mut Faults<'_>) -> Option<Oid> {
    let text: String = keys.option(key, faults)?;
    parsed(&text, keys.place(key), faults)
}

fn signal(mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<SnmpSignal> {
    let name = name(&mut keys, faults);
    let place = place(&mut keys, faults);
    let quantity = quantity(&mut keys, faults);
    let meaning = match &place {
        // Its rows say it; there is nothing more to mean.
        Some(Place::Column { .. }) => Some(Meaning::OneOf(vec![1])),
        _ => meaning::read(&mut keys, quantity, faults),
    };
    let ticks = keys.option("ticks", faults).unwrap_or(false);
    let trip = keys.option("trip", faults).unwrap_or(false);
    let unless_signals = excuse::read(&mut keys, faults);
    keys.finish(faults);
    Some(SnmpSignal {
        name: name?,
        place: place?,
        meaning: meaning?,
        ticks,
        quantity: quantity?,
        trip,
        unless_signals,
    })
}

/// `oid`, or `column`, `holds` and `count`.
fn place(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Place> {
    let object = oid(keys, "oid", faults);
    let table = ["column", "holds", "count"].map(|key| (keys.has(key), oid(keys, key, faults)));
    let given = table.each_ref().map(|(given, _)| *given);
    match (keys.has("oid"), given) {
        (true, [false, false, false]) => object.map(Place::Object),
        (false, [true, true, true]) => {
            let [(_, column), (_, holds), (_, count)] = table;
            Some(Place::Column {
                column: column?,
                holds: holds?,
                count: count?,
            })
        }
        _ => {
            let hint = "oid = \"…\" of one object, or column, holds and count = \"…\" of a table";
            faults.add(keys.at, "it does not say where it stands", hint);
            None
        }
    }
}

fn exceptions(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Vec<Spanned<Exception>> {
    match keys.raw("exception").map(|value| (value, value.get_ref())) {
        Some((_, DeValue::Array(tables))) => one_by_one("exception", tables, faults, exception),
        Some((value, _)) => {
            faults.add(value.span().start, "exception is not a list", "[[exception]]");
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn exception(mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Exception> {
    let whose: Option<String> = keys.must("sys_object_id", faults);
    let at = keys.place("sys_object_id");
    let whose = whose.and_then(|text| parsed(&text, at, faults));
    let signal: Option<String> = keys.must("signal", faults);
    let why: Option<String> = keys.must("why", faults);
    let means_nothing = keys.option("means_nothing", faults).unwrap_or(false);
    let meaning = if means_nothing {
        None
    } else {
        Some(meaning::read(&mut keys, None, faults)?)
    };
    keys.finish(faults);
    Some(Exception {
        sys_object_id: whose?,
        signal: signal?,
        meaning,
        why: why?,
    })
}

fn fits_a_signal(exception: &Spanned<Exception>, signals: &[Spanned<SnmpSignal>], faults: &mut Faults<'_>) {
    let name = &exception.get_ref().signal;
    let names: Vec<&str> = signals.iter().map(|s| s.get_ref().name.as_str()).collect();
    if !names.contains(&name.as_str()) {
        let what = format!("there is no signal {name:?}");
        faults.add(exception.span().start, what, nearest(name, &names));
    }
}
