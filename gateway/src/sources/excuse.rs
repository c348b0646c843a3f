//! What takes the meaning of a signal away, and for how long: on battery in a self-test is not on battery.

use std::collections::BTreeMap;

use muster_core::Millis;
use muster_wire::{Absence, MICRO, Micro};

/// What takes a signal's meaning away (a calibration that of on battery) does so for at most an hour from when it was first
/// said: a calibration empties the battery once, and is over; on some UPSes the flag stays (NUT issue 2168), and must not
/// hide the power cut that comes a week later.
const AT_MOST_MS: Millis = 3_600_000;
/// It is over once it has not been said for so long without a break: a flag that is stuck and drops out for a poll now and
/// then is not said anew each time.
const OVER_AFTER_MS: Millis = 60_000;

/// Since when a device has been saying what excuses its signals, by the name of what says so. Own time: the device's is not
/// believed.
#[derive(Debug, Default)]
pub(super) struct Excuses(BTreeMap<String, Excuse>);

#[derive(Debug)]
struct Excuse {
    since: Millis,
    /// Since when it has been said that it is not so.
    denied: Option<Millis>,
}

impl Excuses {
    /// Whether an excuse counts now that is said, or said not to be so, or (none) cannot be read.
    pub(super) fn counts(&mut self, name: &str, said: Option<bool>, now: Millis) -> bool {
        if said == Some(true) {
            let new = Excuse {
                since: now,
                denied: None,
            };
            let excuse = self.0.entry(name.to_owned()).or_insert(new);
            excuse.denied = None;
            return now - excuse.since < AT_MOST_MS;
        }
        if let Some(excuse) = self.0.get_mut(name) {
            excuse.denied = said.map(|_| excuse.denied.unwrap_or(now));
            if excuse.denied.is_some_and(|since| now - since >= OVER_AFTER_MS) {
                self.0.remove(name);
            }
        }
        false
    }
}

/// The value of a contact, 0 where it is 1 and excused.
pub(super) fn without(value: Result<Micro, Absence>, excused: bool) -> Result<Micro, Absence> {
    if excused && value == Ok(Micro(MICRO)) {
        Ok(Micro(0))
    } else {
        value
    }
}

/// What a contact that excuses says; none where it has no value.
pub(super) fn said(value: Result<Micro, Absence>) -> Option<bool> {
    value.ok().map(|value| value == Micro(MICRO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = OVER_AFTER_MS;
    const HOUR: Millis = AT_MOST_MS;

    #[test]
    fn an_excuse_counts_for_an_hour_from_when_it_was_first_said() {
        let mut excuses = Excuses::default();
        let mut at = |said, now| excuses.counts("test", Some(said), now);
        assert!(!at(false, 0));
        assert!(at(true, 1) && at(true, HOUR));
        assert!(!at(true, HOUR + 1), "the flag stays, the power is cut");
        assert!(!at(false, HOUR + 2) && !at(false, HOUR + 2 + MINUTE));
        assert!(at(true, HOUR + 3 + MINUTE), "a new one");
        assert!(excuses.counts("calibration", Some(true), 2 * HOUR), "and another");
    }

    #[test]
    fn a_flag_that_is_stuck_and_drops_out_now_and_then_is_not_said_anew() {
        for drop_out in [None, Some(false)] {
            let mut excuses = Excuses::default();
            let mut excused = 0;
            for poll in 0..3 * 3_600 {
                let said = if poll % 50 == 7 { drop_out } else { Some(true) };
                let counts = excuses.counts("test", said, poll * 1_000);
                assert!(!counts || said == Some(true), "what cannot be read is no excuse");
                excused += i64::from(counts);
            }
            assert!(excused <= 3_600, "{drop_out:?}: {excused} s of three hours");
        }
    }

    #[test]
    fn what_cannot_be_read_does_not_end_it_however_long() {
        let mut excuses = Excuses::default();
        assert!(excuses.counts("test", Some(true), 0));
        for (said, now) in [
            (None, MINUTE),
            (Some(false), 2 * MINUTE),
            (None, 3 * MINUTE),
            (Some(false), HOUR),
        ] {
            assert!(!excuses.counts("test", said, now));
        }
        assert!(!excuses.counts("test", Some(true), HOUR + 1));
    }

    #[test]
    fn only_what_is_on_is_made_off() {
        let (off, on, gone) = (Ok(Micro(0)), Ok(Micro(MICRO)), Err(Absence::Bus));
        assert_eq!((without(on, true), without(on, false)), (off, on));
        assert_eq!((without(off, true), without(gone, true)), (off, gone));
        assert_eq!((said(on), said(off), said(gone)), (Some(true), Some(false), None));
    }
}
