//! What every profile says of itself.

use crate::fault::Faults;
use crate::keys::Keys;
use crate::{Head, Proof};

/// A poll period a maker does not speak about: gentle enough for any network card.
const MIN_POLL_MS: u64 = 1_000;
/// Most cards answer within 100 ms, the slowest on record within 2 s (Huawei UPS2000, which then says so here).
const TIMEOUT_MS: u64 = 1_000;

/// Fields are taken one after the other, each noting its own faults; only then is the head put together.
pub(super) fn read(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Head> {
    let vendor = id(keys, "vendor", faults);
    let model = id(keys, "model", faults);
    let document = text(keys, "document", faults);
    let proven_by: Option<Proof> = keys.must("proven_by", faults);
    let quirks = keys.option("quirks", faults).unwrap_or_default();
    let min_poll_ms = keys
        .within("min_poll_ms", 10..=3_600_000, faults)
        .unwrap_or(MIN_POLL_MS);
    let timeout_ms = keys.within("timeout_ms", 10..=30_000, faults).unwrap_or(TIMEOUT_MS);
    Some(Head {
        vendor: vendor?,
        model: model?,
        document: document?,
        proven_by: proven_by?,
        quirks,
        min_poll_ms,
        timeout_ms,
    })
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
