//! Whether a device has what it answers in a block. Some answer zero for a register that they do not have, and refuse it when
//! it is asked for by itself (Galaxy VL, 990-6447J): zero of such a block is no evidence.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::ChannelIx;
use muster_profiles::Block;

/// What has been found by single reads, under one opening of the port: it may be another device after the next.
#[derive(Debug, Default)]
pub(super) struct Singly {
    opened: u64,
    compared: BTreeSet<Block>,
    doubts: BTreeMap<ChannelIx, String>,
}

/// What one register said by itself and in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// The same.
    Same,
    /// By itself it is refused.
    Refused,
    /// Something else, twice.
    Other,
}

impl Singly {
    /// Whether a block is still to be compared under this opening.
    pub(super) fn is_due(&mut self, opened: u64, block: Block) -> bool {
        if self.opened != opened {
            *self = Self {
                opened,
                ..Self::default()
            };
        }
        !self.compared.contains(&block)
    }

    /// A block has been compared whole: what of it is not to be believed, with a line on why.
    pub(super) fn done(&mut self, block: Block, doubts: impl IntoIterator<Item = (ChannelIx, String)>) {
        self.compared.insert(block);
        self.doubts.extend(doubts);
    }

    /// Whether a channel's register is not believed.
    pub(super) fn is_doubted(&self, channel: ChannelIx) -> bool {
        self.doubts.contains_key(&channel)
    }

    /// All of it on one line; none where all is believed.
    pub(super) fn line(&self) -> Option<String> {
        let lines: Vec<&str> = self.doubts.values().map(String::as_str).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}

impl Compared {
    /// Why a signal of this name is not believed; none if it is.
    pub(super) fn line(self, name: &str) -> Option<String> {
        match self {
            Self::Same => None,
            Self::Refused => Some(format!(
                "{name} is refused when it is asked for by itself: this device does not have it, and what it says of it in a \
                 block is not believed"
            )),
            Self::Other => Some(format!(
                "{name} says one thing by itself and another in a block, twice: neither is believed"
            )),
        }
    }
}
