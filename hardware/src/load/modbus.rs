//! A profile of registers.

use crate::fault::Faults;
use crate::keys::Keys;
use crate::{Block, Canary, Expect, Head, Mode, Profile, Signal};

use super::excuse::{self, Excusable};
use super::{plain, signal, signals};

/// Reading eight registers too many costs 16 bytes; a second request costs a round trip.
const MAX_GAP: u64 = 8;

/// Fields are taken one after the other, each noting its own faults; only then is the profile put together.
pub(super) fn read(mut keys: Keys<'_, '_>, head: Option<Head>, faults: &mut Faults<'_>) -> Option<Profile> {
    let max_gap = keys.within("max_gap", 0..=124, faults).unwrap_or(MAX_GAP);
    let join_gaps = keys.option("join_gaps", faults).unwrap_or(true);
    let check_singly = keys.option("check_singly", faults).unwrap_or(false);
    let canary = canary(&mut keys, faults);
    let sunspec_model = sunspec(&mut keys, faults);
    let mode = mode(&mut keys, faults);
    let signals = signals(&mut keys, faults, signal::read);
    signal::lint_together(&signals, faults);
    signal::lint_factors(&signals, sunspec_model.is_some(), faults);
    signal::doubt_unimplemented(&signals, sunspec_model.is_some(), faults);
    excuse::lint(&signals, excusable, faults);
    keys.finish(faults);
    Some(Profile {
        head: head?,
        max_gap: u16::try_from(max_gap).ok()?,
        join_gaps,
        check_singly,
        canary,
        sunspec_model,
        mode,
        signals: plain(signals),
    })
}

fn excusable(signal: &Signal) -> Excusable<'_> {
    Excusable {
        name: &signal.name,
        quantity: signal.quantity,
        unless_signals: &signal.unless_signals,
    }
}

fn canary(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Canary> {
    let value = keys.raw("canary")?;
    let Some(table) = value.get_ref().as_table() else {
        faults.add(value.span().start, "canary is not a table", "[canary]");
        return None;
    };
    let mut keys = Keys::new(table, value.span().start);
    let table = keys.must("table", faults);
    let start: Option<u16> = keys.must("address", faults);
    let count = keys.within("words", 1..=125, faults).unwrap_or(1);
    let expect = expect(&mut keys, faults);
    let at = keys.at;
    keys.finish(faults);
    let block = Block {
        table: table?,
        start: start?,
        count: u16::try_from(count).ok()?,
    };
    let canary = Canary { block, expect: expect? };
    if !canary.is_possible() || u64::from(block.start) + count > 65_536 {
        faults.add(
            at,
            "this canary can never hold",
            "one value of one register; no text in bits; not past 65535",
        );
    }
    Some(canary)
}

fn sunspec(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<u16> {
    let model: u16 = keys.option("sunspec_model", faults)?;
    if matches!(model, 0 | u16::MAX) {
        faults.add(
            keys.place("sunspec_model"),
            format!("{model} is no model"),
            "such as 802, the battery base model",
        );
    }
    Some(model)
}

fn mode(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Mode> {
    let value = keys.raw("mode")?;
    let Some(table) = value.get_ref().as_table() else {
        faults.add(value.span().start, "mode is not a table", "[mode]");
        return None;
    };
    let mut keys = Keys::new(table, value.span().start);
    let (table, start) = (keys.must("table", faults), keys.must("address", faults));
    let warmup: Vec<u16> = keys.option("warmup", faults).unwrap_or_default();
    let inhibited: Vec<u16> = keys.option("inhibited", faults).unwrap_or_default();
    let inhibited_bits = mode_bits(&mut keys, faults);
    let at = keys.at;
    keys.finish(faults);
    if warmup.is_empty() && inhibited.is_empty() && inhibited_bits == 0 {
        faults.add(
            at,
            "this mode means nothing",
            "warmup and inhibited list what the register holds then, inhibited_bits its bits",
        );
    }
    let block = Block {
        table: table?,
        start: start?,
        count: 1,
    };
    Some(Mode {
        block,
        warmup,
        inhibited,
        inhibited_bits,
    })
}

/// As a mask.
fn mode_bits(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> u16 {
    let bits: Vec<u8> = keys.option("inhibited_bits", faults).unwrap_or_default();
    if bits.iter().any(|bit| *bit > 15) {
        let what = "a bit that a register has not";
        faults.add(keys.place("inhibited_bits"), what, "0, the lowest, to 15");
    }
    let mask = |mask: u16, bit: &u8| mask | 1_u16.checked_shl(u32::from(*bit)).unwrap_or_default();
    bits.iter().fold(0, mask)
}

fn expect(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Expect> {
    let within_ms = keys.within("within_ms", 1_000..=600_000, faults);
    let word = keys.raw("expect").and_then(|v| v.get_ref().as_str());
    if within_ms.is_some() && word != Some("moving") {
        faults.add(
            keys.place("within_ms"),
            "within_ms says how often a counter moves",
            "expect = \"moving\"",
        );
    }
    match (word, within_ms) {
        (Some("nonzero"), _) => Some(Expect::Nonzero),
        (Some("ascii"), _) => Some(Expect::Ascii),
        (Some("moving"), Some(within_ms)) => Some(Expect::Moving { within_ms }),
        (Some("moving"), None) => {
            faults.add(
                keys.place("expect"),
                "it does not say how often it moves",
                "within_ms = 15000",
            );
            None
        }
        _ => keys.must("expect", faults).map(Expect::Value),
    }
}
