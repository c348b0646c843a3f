//! Whether a device has what it answers in a block. Some answer zero for a register that they do not have, and refuse it when
//! it is asked for by itself (Galaxy VL, 990-6447J): zero of such a block is no evidence.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{ChannelIx, Millis};
use muster_profiles::Signal;
use muster_wire::{Absence, Micro, Unit};

/// A device that is busy is asked again so much later; one that said nothing is asked for something else.
const BUSY_FOR_MS: Millis = 60_000;
/// What is not answered by itself is asked for again so much later: every time may cost a connection and a time-out.
const SILENT_FOR_MS: Millis = 3_600_000;

/// What has been found by single reads, since the device last came back: it may be another one then.
#[derive(Debug, Default)]
pub(super) struct Singly {
    checked: BTreeSet<ChannelIx>,
    doubts: BTreeMap<ChannelIx, String>,
    /// Before then they are not asked for. These waits outlast a loss, or a device that is lost by the asking would be for ever.
    later: BTreeMap<ChannelIx, Millis>,
    /// Nor is any other: who says nothing to one such question mostly does so to all.
    quiet_until: Millis,
}

/// What one register said by itself and in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// The same.
    Same,
    /// By itself it has no such address.
    Refused,
    /// Something else, twice.
    Other,
    /// The device had an exception for one of the questions that says nothing about the register.
    Busy,
    /// There was no answer.
    Silent,
}

impl Singly {
    /// The device was lost. Everything is to be compared anew.
    pub(super) fn forget(&mut self) {
        self.checked.clear();
        self.doubts.clear();
    }

    /// Whether a channel's register is to be asked for by itself now.
    pub(super) fn is_due(&self, channel: ChannelIx, now: Millis) -> bool {
        let from = self.later.get(&channel).copied().unwrap_or_default();
        !self.checked.contains(&channel) && now >= from.max(self.quiet_until)
    }

    /// What came of it; where it is not believed any more, the line on why.
    pub(super) fn take(&mut self, channel: ChannelIx, name: &str, compared: Compared, now: Millis) -> Option<&str> {
        let wait = match compared {
            Compared::Busy => BUSY_FOR_MS,
            Compared::Silent => {
                self.quiet_until = now + BUSY_FOR_MS;
                SILENT_FOR_MS
            }
            Compared::Same | Compared::Refused | Compared::Other => {
                self.checked.insert(channel);
                let line = compared.line(name)?;
                return Some(self.doubts.entry(channel).insert_entry(line).into_mut());
            }
        };
        self.later.insert(channel, now + wait);
        None
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

/// Whether two answers may be of one register. States are the same or they are not. Numbers move between two questions: of
/// them only what is known of such devices counts, which is nothing here and something there.
pub(super) fn agree(signal: &Signal, one: Result<Micro, Absence>, other: Result<Micro, Absence>) -> bool {
    let is_nothing = |value: Result<Micro, Absence>| value.is_err() || value == Ok(Micro(0));
    if signal.quantity.unit() == Unit::Contact {
        one == other
    } else {
        is_nothing(one) == is_nothing(other)
    }
}

impl Compared {
    /// Why a signal of this name is not believed; none if it is.
    fn line(self, name: &str) -> Option<String> {
        match self {
            Self::Same | Self::Busy | Self::Silent => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    const C: ChannelIx = ChannelIx(1);

    #[test]
    fn what_could_not_be_compared_is_asked_for_again_later_and_mutes_nothing() {
        for (compared, wait) in [(Compared::Busy, BUSY_FOR_MS), (Compared::Silent, SILENT_FOR_MS)] {
            let mut singly = Singly::default();
            assert!(singly.is_due(C, 0));
            assert_eq!(singly.take(C, "c", compared, 5), None);
            assert!(!singly.is_doubted(C) && singly.line().is_none());
            assert!(!singly.is_due(C, wait + 4) && singly.is_due(C, wait + 5));
            singly.forget();
            assert!(!singly.is_due(C, wait + 4), "a loss does not bring it forward");
            let other = |now| singly.is_due(ChannelIx(2), now);
            assert_eq!(other(6), compared == Compared::Busy, "{compared:?}: the others");
            assert!(other(BUSY_FOR_MS + 5), "are asked for in a minute at the latest");
        }
    }

    #[test]
    fn what_was_found_is_forgotten_with_the_device() {
        let mut singly = Singly::default();
        assert!(
            singly
                .take(C, "c", Compared::Refused, 0)
                .is_some_and(|line| line.starts_with("c is refused"))
        );
        assert!(singly.is_doubted(C) && !singly.is_due(C, Millis::MAX));
        singly.forget();
        assert!(!singly.is_doubted(C) && singly.line().is_none() && singly.is_due(C, 0));
    }
}
