//! Words are kept short: a hook that prints for ever must not fill the state, nor a long list a line.

use alloc::{format, string::String};

/// Characters kept of one line.
const MAX_CHARS: usize = 200;

/// `a, b and 2 more`: the first `most` of them, and how many there are beside.
pub(crate) fn some_of(all: &[&str], most: usize) -> String {
    let (first, rest) = all.split_at(all.len().min(most));
    let named = first.join(", ");
    match rest.len() {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The first 200 characters.
pub(crate) fn clip(line: &str) -> String {
    line.chars().take(MAX_CHARS).collect()
}
