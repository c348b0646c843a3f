//! A profile of registers.

use crate::fault::Faults;
use crate::keys::Keys;
use crate::{Block, Canary, Expect, Head, Profile};

use super::{plain, signal, signals};

/// Reading eight registers too many costs 16 bytes; a second request costs a round trip.
const MAX_GAP: u64 = 8;

/// Fields are taken one after the other, each noting its own faults; only then is the profile put together.
pub(super) fn read(mut keys: Keys<'_, '_>, head: Option<Head>, faults: &mut Faults<'_>) -> Option<Profile> {
    let max_gap = keys.within("max_gap", 0..=124, faults).unwrap_or(MAX_GAP);
    let join_gaps = keys.option("join_gaps", faults).unwrap_or(true);
    let canary = canary(&mut keys, faults);
    let signals = signals(&mut keys, faults, signal::read);
    signal::lint_together(&signals, faults);
    keys.finish(faults);
    Some(Profile {
        head: head?,
        max_gap: u16::try_from(max_gap).ok()?,
        join_gaps,
        canary,
        signals: plain(signals),
    })
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

fn expect(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Expect> {
    let word = keys.raw("expect").and_then(|v| v.get_ref().as_str());
    match word {
        Some("nonzero") => Some(Expect::Nonzero),
        Some("ascii") => Some(Expect::Ascii),
        _ => keys.must("expect", faults).map(Expect::Value),
    }
}
