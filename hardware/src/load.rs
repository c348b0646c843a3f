//! Reads a profile file, and finds every fault in it at once.

mod signal;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::fault::{Fault, Faults};
use crate::keys::Keys;
use crate::{Block, Canary, Expect, Profile, Proof, Signal};

/// A poll period a maker does not speak about: gentle enough for any network card.
const MIN_POLL_MS: u64 = 1_000;
/// Most cards answer within 100 ms, the slowest on record within 2 s (Huawei UPS2000, which then says so here).
const TIMEOUT_MS: u64 = 1_000;
/// Reading eight registers too many costs 16 bytes; a second request costs a round trip.
const MAX_GAP: u64 = 8;

/// See [`Profile::parse`].
pub(crate) fn parse(text: &str, file: &str) -> Result<Profile, Vec<Fault>> {
    let mut faults = Faults::new(text, file);
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let profile = profile(root.get_ref(), &mut faults);
        return faults.into_result(profile);
    }
    for error in errors {
        let at = error.span().map_or(0, |s| s.start);
        faults.add(at, error.message().trim_end(), "this is not TOML");
    }
    faults.into_result(None)
}

/// Fields are taken one after the other, each noting its own faults; only then is the profile put together.
fn profile(root: &DeTable<'_>, faults: &mut Faults<'_>) -> Option<Profile> {
    let mut keys = Keys::new(root, 0);
    kind(&mut keys, faults);
    let vendor = id(&mut keys, "vendor", faults);
    let model = id(&mut keys, "model", faults);
    let document = text(&mut keys, "document", faults);
    let proven_by: Option<Proof> = keys.must("proven_by", faults);
    let quirks = keys.option("quirks", faults).unwrap_or_default();
    let min_poll_ms = keys
        .within("min_poll_ms", 10..=3_600_000, faults)
        .unwrap_or(MIN_POLL_MS);
    let timeout_ms = keys.within("timeout_ms", 10..=30_000, faults).unwrap_or(TIMEOUT_MS);
    let max_gap = keys.within("max_gap", 0..=124, faults).unwrap_or(MAX_GAP);
    let join_gaps = keys.option("join_gaps", faults).unwrap_or(true);
    let canary = canary(&mut keys, faults);
    let signals = signals(&mut keys, faults);
    keys.finish(faults);
    Some(Profile {
        vendor: vendor?,
        model: model?,
        document: document?,
        proven_by: proven_by?,
        quirks,
        min_poll_ms,
        timeout_ms,
        max_gap: u16::try_from(max_gap).ok()?,
        join_gaps,
        canary,
        signals,
    })
}

/// Only Modbus is polled today; the key stands there so that a file says what it is.
fn kind(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) {
    if let Some(kind) = keys.must::<String>("kind", faults)
        && kind != "modbus"
    {
        faults.add(
            keys.place("kind"),
            format!("kind {kind:?} is unknown"),
            "kind = \"modbus\"",
        );
    }
}

/// `[a-z0-9-]{1,32}`.
fn id(keys: &mut Keys<'_, '_>, key: &'static str, faults: &mut Faults<'_>) -> Option<String> {
    let word: String = keys.must(key, faults)?;
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=32).contains(&word.len()) && word.bytes().all(fits) {
        return Some(word);
    }
    faults.add(
        keys.place(key),
        format!("{key} {word:?} is no id"),
        "1 to 32 of a-z, 0-9 and -",
    );
    None
}

fn text(keys: &mut Keys<'_, '_>, key: &'static str, faults: &mut Faults<'_>) -> Option<String> {
    let text: String = keys.must(key, faults)?;
    if text.trim().is_empty() {
        faults.add(
            keys.place(key),
            format!("{key} is empty"),
            "say where the addresses come from",
        );
        return None;
    }
    Some(text)
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

fn signals(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Vec<Signal> {
    let list = keys.raw("signal");
    let Some(tables) = list.and_then(|v| v.get_ref().as_array()).filter(|a| !a.is_empty()) else {
        faults.add(
            list.map_or(0, |v| v.span().start),
            "no signal",
            "[[signal]] once for each",
        );
        return Vec::new();
    };
    let found = one_by_one(tables, faults);
    signal::lint_together(&found, faults);
    found.into_iter().map(Spanned::into_inner).collect()
}

fn one_by_one(tables: &DeArray<'_>, faults: &mut Faults<'_>) -> Vec<Spanned<Signal>> {
    let mut found = Vec::new();
    for value in tables {
        match value.get_ref() {
            DeValue::Table(table) => {
                let keys = Keys::new(table, value.span().start);
                found.extend(signal::read(keys, faults).map(|s| Spanned::new(value.span(), s)));
            }
            _ => faults.add(value.span().start, "signal is not a table", "[[signal]]"),
        }
    }
    found
}

#[cfg(test)]
mod tests;
