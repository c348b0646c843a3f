//! Recordings alone do not evacuate: each as the only device of an armed site with a workload, in virtual time, through
//! its profile and the whole core. Neither a recording as it is, nor any one of its channels turned hostile, nor a
//! device gone mad moves anything; `prepare` comes only where the recording shows the load on battery.

mod alone;
mod own;
mod snmpsim;

use alone::Alone;
use muster_core::Level;
use muster_profiles::capture::{Capture, Decoded, Moment};
use muster_profiles::{Device, NutSignal, Place, Signal, SnmpSignal, shipped, shipped_names};
use muster_wire::{Absence, MICRO, Micro};

/// A value, or why there is none.
type Value = Result<Micro, Absence>;

/// A round of a poll: what each of the signals that were answered for says.
type Round = Vec<(String, Value)>;

/// More looks than any k of n asks for.
const ROUNDS: usize = 18;

fn rounds(moments: &[Moment<Vec<Decoded<'_>>>]) -> Vec<Round> {
    let said = |d: &Decoded<'_>| Some((d.name.to_owned(), d.value?));
    let round = |moment: &Moment<Vec<Decoded<'_>>>| moment.all.iter().filter_map(said).collect();
    moments.iter().map(round).collect()
}

/// The highest level while a recording is played and goes silent at its end.
fn highest(name: &str, capture: &Capture, device: &Device) -> Level {
    let mut alone = Alone::with(name, device);
    for round in rounds(&capture.decode(device)) {
        for _ in 0..ROUNDS {
            alone.hear(&round);
        }
    }
    alone.falls_silent();
    alone.highest
}

/// One channel at a time says something else than in the first moment: once, and again and again.
fn one_channel_turns(what: &str, name: &str, device: &Device, first: &Round) {
    let mut primed = Alone::with(name, device);
    (0..3).for_each(|_| primed.hear(first));
    for (signal, hostile) in hostile(device) {
        let turned: Round = first
            .iter()
            .filter(|(named, _)| *named != signal)
            .cloned()
            .chain([(signal.clone(), hostile)])
            .collect();
        let mut once = primed.clone();
        once.hear(&turned);
        (0..3).for_each(|_| once.hear(first));
        assert!(
            once.highest <= primed.highest.max(Level::Watch),
            "{what} by {name}: one sample, {signal} = {hostile:?}"
        );
        let mut again = primed.clone();
        (0..ROUNDS).for_each(|_| again.hear(&turned));
        again.falls_silent();
        again.assert_not_evacuated(&format!("{what} by {name}: {signal} = {hostile:?}"));
    }
}

/// What stands at the ends of a signal's type and around them, as its device would say it.
fn hostile(device: &Device) -> Vec<(String, Value)> {
    let all = |values: Vec<Value>, name: &str| {
        let mut distinct: Vec<Value> = Vec::new();
        for value in values {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        distinct
            .into_iter()
            .map(|value| (name.to_owned(), value))
            .collect::<Vec<_>>()
    };
    match device {
        Device::Modbus(p) => p.signals.iter().flat_map(|s| all(registers(s), &s.name)).collect(),
        Device::Snmp(p) => p.signals.iter().flat_map(|s| all(objects(s), &s.name)).collect(),
        Device::Nut(p) => p.signals.iter().flat_map(|s| all(variables(s), &s.name)).collect(),
    }
}

fn registers(signal: &Signal) -> Vec<Value> {
    let ends = [0, 1, 2, 3, 5, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF];
    let bits = (0..16).map(|bit| 1 << bit);
    let words = ends.into_iter().chain(bits);
    words
        .map(|word| signal.decode(&vec![word; usize::from(signal.words())]))
        .collect()
}

fn objects(signal: &SnmpSignal) -> Vec<Value> {
    if matches!(signal.place, Place::Column { .. }) {
        return vec![Ok(Micro(0)), Ok(Micro(MICRO)), Err(Absence::Bus)];
    }
    let ends = [
        -1,
        32_767,
        65_534,
        65_535,
        i64::from(i32::MIN),
        i64::from(i32::MAX),
        i64::from(u32::MAX),
        i64::MAX,
    ];
    let numbers = (0..=10).chain([99, 100, 101, 1_000]).chain(ends);
    let ticks = [0, 1, u32::MAX].map(|ticks| signal.decode_ticks(ticks));
    let texts = ["", "-1", "NaN", "on battery", "1e9"].map(|text| signal.decode_text(text));
    numbers
        .map(|raw| signal.decode_number(raw))
        .chain(ticks)
        .chain(texts)
        .collect()
}

fn variables(signal: &NutSignal) -> Vec<Value> {
    let texts = [
        "",
        "0",
        "-1",
        "1",
        "100",
        "101",
        "65535",
        "2147483647",
        "999999999999",
        "NaN",
        "-40",
        "200",
        "OL",
        "OB",
        "OB LB",
        "LB",
        "FSD",
        "OB LB FSD ALARM OVER RB",
        "OFF",
        "BYPASS",
        "WAIT",
        "CAL OB",
        "\u{fffd}",
    ];
    texts.map(|text| signal.decode(text)).to_vec()
}

/// Every signal of every shipped profile by itself, of a device that says nothing else; then all of them together.
#[test]
fn no_signal_of_any_profile_and_no_device_gone_mad_evacuates() {
    for name in shipped_names() {
        let device = shipped(name).unwrap();
        one_channel_turns("nothing else", name, &device, &Vec::new());
        let mut mad = Alone::with(name, &device);
        let mut worst: Round = Vec::new();
        for (signal, value) in hostile(&device) {
            match worst.iter_mut().find(|(named, _)| *named == signal) {
                Some((_, was)) if value.ok() > was.ok() => *was = value,
                Some(_) => {}
                None => worst.push((signal, value)),
            }
        }
        (0..ROUNDS).for_each(|_| mad.hear(&worst));
        mad.falls_silent();
        mad.assert_not_evacuated(&format!("{name} gone mad"));
    }
}
