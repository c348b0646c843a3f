//! Everything at one moment: what is really so, the gateways, what is on its way, and who carries steps out.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use muster_core::{Entry, Record, State};
use serde::Serialize;

use super::canonical::Canonical;
use super::judge::Judge;
use super::receiver::{Receiver, Sent};
use super::scene::Left;
use super::truth::Truth;
use super::wrong::Memory;

/// One gateway: the real core, and a disk that may be late.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) core: State,
    pub(crate) memory: Memory,
    pub(crate) judge: Judge,
    /// Everything given to the disk, and how much of it the disk has confirmed.
    pub(crate) disk: Vec<Arc<Entry>>,
    pub(crate) stored: u64,
    pub(crate) answers: bool,
    pub(crate) paused: bool,
    /// What it was at when it died.
    pub(crate) died_at: Option<&'static str>,
}

impl Gateway {
    pub(crate) fn last_seq(&self) -> u64 {
        self.disk.last().map_or(0, |entry| entry.seq)
    }

    /// What the journal says, for whoever reads it after a restart; refusals change nothing there.
    fn durable(&self) -> impl Iterator<Item = &Entry> {
        let says = |entry: &&Entry| {
            !matches!(
                entry.record,
                Record::OrderRefused { .. } | Record::BypassRefused { .. } | Record::ActedUnstored { .. }
            )
        };
        self.disk.iter().map(|entry| &**entry).filter(says)
    }
}

/// Moments that could not be hashed.
static UNHASHED: AtomicU64 = AtomicU64::new(0);

/// All of it. Two moments are the same if nothing that can still follow differs.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) truth: Truth,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) receiver: Receiver,
    pub(crate) wire: BTreeSet<Sent>,
    pub(crate) left: Left,
    /// It ends at a time, so two times are never the same.
    pub(crate) ends: bool,
    digest: u64,
}

impl Moment {
    pub(crate) fn new(truth: Truth, gateways: Vec<Gateway>, receiver: Receiver, (left, ends): (Left, bool)) -> Self {
        let wire = BTreeSet::new();
        Self {
            truth,
            gateways,
            receiver,
            wire,
            left,
            ends,
            digest: 0,
        }
    }

    /// To be called when nothing changes any more.
    pub(crate) fn sealed(mut self) -> Self {
        let mut hasher = DefaultHasher::new();
        self.put((&self.truth, &self.receiver, &self.wire, &self.left), 0, &mut hasher);
        if self.ends {
            hasher.write_i64(self.truth.now);
        }
        for gateway in &self.gateways {
            let state = (gateway.answers, gateway.paused, gateway.died_at, &gateway.memory);
            self.put((&gateway.core, &gateway.judge, state), gateway.stored, &mut hasher);
            // Nobody reads a disk that nobody starts from again.
            if self.left.crashes > 0 {
                let entries: Vec<&Entry> = gateway.durable().collect();
                self.put(entries, gateway.stored, &mut hasher);
            }
        }
        self.digest = hasher.finish();
        self
    }

    fn put(&self, what: impl Serialize, stored: u64, into: &mut DefaultHasher) {
        let mut canonical = Canonical {
            into,
            now: self.truth.now,
            stored,
            field: "",
        };
        // It cannot fail; if it did, no two moments may be taken for the same for what was left out.
        if what.serialize(&mut canonical).is_err() {
            into.write_u64(UNHASHED.fetch_add(1, Ordering::Relaxed));
        }
    }

    /// Every promise that has been broken so far.
    pub(crate) fn has_broken(&self, promise: &str) -> bool {
        self.gateways.iter().any(|g| g.judge.broken.contains(promise))
    }
}

impl Hash for Moment {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

impl PartialEq for Moment {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Moment {}
