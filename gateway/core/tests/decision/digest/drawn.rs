//! A digest of what came out, not of what is kept: entries, calls, words and answers, and what is shown.
#![expect(
    clippy::unwrap_used,
    reason = "helpers stand outside of `#[test]`, where .clippy.toml does not reach; nothing fails here"
)]
use std::fmt::{Debug, Write};

use crate::stand::Stand;

/// FNV-1a, as the core's own digest.
pub(super) struct Drawn {
    hash: u64,
    seen: [usize; 5],
}

impl Default for Drawn {
    fn default() -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            seen: [0; 5],
        }
    }
}

impl Write for Drawn {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        for byte in s.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

impl Drawn {
    /// After a restart a stand has nothing but the journal.
    pub(super) fn anew(&mut self) {
        self.seen = [0; 5];
    }

    /// Everything that has come of it since.
    pub(super) fn note(&mut self, stand: &Stand) {
        self.seen = [
            self.rest(&stand.entries, self.seen[0]),
            self.rest(&stand.calls, self.seen[1]),
            self.rest(&stand.cancelled, self.seen[2]),
            self.rest(&stand.events, self.seen[3]),
            self.rest(&stand.answers, self.seen[4]),
        ];
    }

    /// What is shown.
    pub(super) fn look(&mut self, stand: &Stand) {
        write!(self, "{:?}", stand.view()).unwrap();
    }

    fn rest<T: Debug>(&mut self, all: &[T], from: usize) -> usize {
        all[from.min(all.len())..]
            .iter()
            .for_each(|one| write!(self, "{one:?}").unwrap());
        all.len()
    }

    pub(super) fn take(&mut self, other: &Self) {
        write!(self, "{:x}", other.hash).unwrap();
    }

    pub(super) const fn digest(&self) -> u64 {
        self.hash
    }
}
