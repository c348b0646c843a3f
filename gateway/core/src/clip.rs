//! Words from outside are kept short: a hook that prints for ever must not fill the state.

use alloc::string::String;

/// Characters kept of one line.
const MAX_CHARS: usize = 200;

/// The first 200 characters.
pub(crate) fn clip(line: &str) -> String {
    line.chars().take(MAX_CHARS).collect()
}
