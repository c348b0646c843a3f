//! Ids: their pattern, their place in a list, and the nearest one to a misspelt word.

use std::collections::BTreeMap;

use super::faults::{At, Faults, quoted};

/// Longest id, in characters (design: `[a-z0-9-]{1,32}`).
pub(super) const MAX_ID: usize = 32;

/// Most entries of one list; indices are 16 bits wide and no site needs more.
const MAX_ENTRIES: usize = 10_000;

/// Most `[[channel]]`, whose indices are 32 bits wide: twice the largest site that is measured.
const MAX_CHANNELS: usize = 200_000;

/// Most entries of the list `[[key]]`.
pub(super) fn most_entries(key: &str) -> usize {
    if key == "channel" { MAX_CHANNELS } else { MAX_ENTRIES }
}

/// `[a-z0-9-]{1,32}`.
pub(super) fn is_id(word: &str) -> bool {
    (1..=MAX_ID).contains(&word.len()) && word.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// `[a-z0-9_-]{1,32}`: quantities are written with underscores.
pub(super) fn is_signal(word: &str) -> bool {
    is_id(&word.replace('_', "-"))
}

/// An id, or an id, one dot and a signal.
pub(super) fn is_channel_id(word: &str) -> bool {
    word.split_once('.')
        .map_or_else(|| is_id(word), |(source, signal)| is_id(source) && is_signal(signal))
}

/// The nearest of `known` to a misspelt word, if one is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Bounds the work for a file made to be slow: at most 1,000 comparisons of short words.
    const COMPARED: usize = 1_000;
    let near = |k: &&str| strsim::damerau_levenshtein(word, k);
    if word.len() > 2 * MAX_ID {
        return None;
    }
    let candidates = known.into_iter().filter(|k| k.len() <= 2 * MAX_ID).take(COMPARED);
    candidates
        .min_by_key(near)
        .filter(|k| near(k) <= 1.max(word.len().max(k.len()) / 3))
}

/// `did you mean …`, or what else to do.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, otherwise: &str) -> String {
    nearest(word, known).map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?"))
}

/// Positions of one kind of thing by id.
pub(super) struct Index {
    kind: &'static str,
    by_id: BTreeMap<String, usize>,
}

impl Index {
    /// Counts ids in order; the second of a kind with the same id is a fault. Empty ids have been reported already.
    pub(super) fn of<'a>(
        kind: &'static str,
        ids: impl IntoIterator<Item = &'a At<String>>,
        faults: &Faults<'_>,
    ) -> Self {
        let mut by_id = BTreeMap::new();
        for (ix, id) in ids.into_iter().enumerate().filter(|(_, id)| !id.value.is_empty()) {
            if by_id.contains_key(&id.value) {
                let what = format!("a second {kind} with the id {}", quoted(&id.value));
                faults.error(id.at, what, format!("every {kind} needs an id of its own"));
            } else {
                by_id.insert(id.value.clone(), ix);
            }
        }
        Self { kind, by_id }
    }

    /// Position of an id, if it is there.
    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Position of a referenced id; an unknown one is a fault.
    pub(super) fn find(&self, id: &At<String>, faults: &Faults<'_>) -> Option<usize> {
        let found = self.by_id.get(&id.value).copied();
        if found.is_none() && !id.value.is_empty() {
            let otherwise = format!("declare it with [[{}]], or name one that exists", self.kind);
            let hint = did_you_mean(&id.value, self.by_id.keys().map(String::as_str), &otherwise);
            faults.error(id.at, format!("there is no {} {}", self.kind, quoted(&id.value)), hint);
        }
        found
    }
}
