//! What takes the meaning of a signal away, and for how long: on battery in a self-test is not on battery.

use std::collections::BTreeMap;

use muster_core::{ChannelIx, Millis};
use muster_wire::{Absence, MICRO, Micro};

/// What takes a signal's meaning away (a calibration that of on battery) does so for at most an hour from when it was first
/// said: a calibration empties the battery once, and is over; on some UPSes the flag stays (NUT issue 2168), and must not
/// hide the power cut that comes a week later.
const AT_MOST_MS: Millis = 3_600_000;

/// Since when the signals of a device are excused. Own time: the device's is not believed.
#[derive(Debug, Default)]
pub(super) struct Excuses(BTreeMap<ChannelIx, Millis>);

impl Excuses {
    /// Whether an excuse that is said, or not, counts now.
    pub(super) fn count(&mut self, channel: ChannelIx, is_said: bool, now: Millis) -> bool {
        if !is_said {
            self.0.remove(&channel);
            return false;
        }
        now - *self.0.entry(channel).or_insert(now) < AT_MOST_MS
    }

    /// The value of a signal, 0 where it is 1 and excused.
    pub(super) fn without(
        &mut self,
        channel: ChannelIx,
        value: Result<Micro, Absence>,
        is_said: bool,
        now: Millis,
    ) -> Result<Micro, Absence> {
        let counts = self.count(channel, is_said, now);
        if counts && value == Ok(Micro(MICRO)) {
            Ok(Micro(0))
        } else {
            value
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excuse_counts_for_an_hour_from_when_it_was_first_said() {
        let (mut excuses, channel) = (Excuses::default(), ChannelIx(3));
        let yes = Ok(Micro(MICRO));
        let mut at = |is_said, now| excuses.without(channel, yes, is_said, now);
        assert_eq!(at(false, 0), yes);
        assert_eq!((at(true, 1), at(true, AT_MOST_MS)), (Ok(Micro(0)), Ok(Micro(0))));
        assert_eq!(at(true, AT_MOST_MS + 1), yes, "the flag stays, the power is cut");
        assert_eq!(at(false, AT_MOST_MS + 2), yes);
        assert_eq!(at(true, AT_MOST_MS + 3), Ok(Micro(0)), "a new one");
        assert_eq!(excuses.without(channel, Err(Absence::Bus), true, 0), Err(Absence::Bus));
    }
}
