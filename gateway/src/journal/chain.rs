//! The hash chain over the entries: any alteration, cut or reorder inside it is found.
//!
//! A cut at the *end* leaves a shorter chain that holds; only somebody who noted the head elsewhere can see it. So the head
//! is printed by `muster journal --verify`, and belongs on paper or with a peer. The chain has no key: it shows mistakes,
//! rot and careless hands; a thief of the whole file can write a new chain, and again only the head held elsewhere tells.

use std::fmt;

use sha2::{Digest, Sha256};

use super::rows::StoredEntry;

/// SHA-256, 32 bytes.
pub(super) type Hash = [u8; 32];
/// What stands before the first entry.
pub(super) const GENESIS: Hash = [0; 32];

/// Hash of an entry: SHA-256 over the hash before it, then sequence, engine time and wall clock as 8 bytes big-endian each,
/// then the body as it is stored.
pub(super) fn link(before: &[u8], seq: i64, at_ms: i64, wall_ms: i64, body: &[u8]) -> Hash {
    Sha256::new()
        .chain_update(before)
        .chain_update(seq.to_be_bytes())
        .chain_update(at_ms.to_be_bytes())
        .chain_update(wall_ms.to_be_bytes())
        .chain_update(body)
        .finalize()
        .into()
}

/// A place where the chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Break {
    /// Sequences are missing between two entries.
    Gap {
        /// Last before the gap.
        after: i64,
        /// First behind it.
        seq: i64,
    },
    /// The first entry does not begin the chain.
    Beginning {
        /// Its sequence.
        seq: i64,
    },
    /// An entry is not what was written, or stands in another's place.
    Altered {
        /// Its sequence.
        seq: i64,
    },
    /// The column `kind` is not what the body says.
    Kind {
        /// Its sequence.
        seq: i64,
    },
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { after, seq } => write!(f, "entry {seq} follows entry {after}: what stood between is gone"),
            Self::Beginning { seq } => write!(f, "entry {seq} is altered, or entries before it are gone"),
            Self::Altered { seq } => write!(f, "entry {seq} or the hash before it is not what was written"),
            Self::Kind { seq } => write!(f, "entry {seq}: the column `kind` is not what the entry says"),
        }
    }
}

/// Follows a chain entry by entry. A break is named once: what comes after is held against what is stored.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// Hash of the last entry, as stored.
    pub(super) head: Vec<u8>,
    /// Sequence of the last entry.
    pub(super) last: Option<i64>,
    /// Entries followed.
    pub(super) entries: u64,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            head: GENESIS.to_vec(),
            last: None,
            entries: 0,
        }
    }
}

impl Chain {
    /// Takes the next entry, in order of sequence.
    pub(super) fn follow(&mut self, row: &StoredEntry) -> Option<Break> {
        let wrong = self.check(row);
        self.head.clone_from(&row.hash);
        self.last = Some(row.seq);
        self.entries += 1;
        wrong
    }

    fn check(&self, row: &StoredEntry) -> Option<Break> {
        let seq = row.seq;
        if let Some(after) = self.last.filter(|last| last.checked_add(1) != Some(seq)) {
            return Some(Break::Gap { after, seq });
        }
        if link(&self.head, seq, row.at_ms, row.wall_ms, &row.body)[..] != row.hash[..] {
            return Some(match self.last {
                None => Break::Beginning { seq },
                Some(_) => Break::Altered { seq },
            });
        }
        (row.kind_in_body().as_deref() != Some(row.kind.as_str())).then_some(Break::Kind { seq })
    }
}
