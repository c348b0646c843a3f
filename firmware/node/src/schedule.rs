//! How often each channel is sampled.

use crate::ChannelSpec;
use crate::sensors::{ROOM_CHANNELS, place};

/// Shortest tick. Milliseconds: a sample of all chips takes longer already.
const SHORTEST_TICK_MS: u32 = 10;
/// Longest period of a channel. Milliseconds: the gateway's supervision of 15 s has to be met three times.
const LONGEST_MS: u32 = 60_000;

/// Periods of a room's channels; what is not given is sampled as often as the node samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Milliseconds; 0 = the node's.
    periods_ms: [u32; ROOM_CHANNELS],
}

impl Schedule {
    /// Takes `period-CHANNEL`, in milliseconds. `None` if it is no such key, or the period cannot be.
    pub fn take(&mut self, key: &str, value: &str) -> Option<()> {
        let channel = place(key.strip_prefix("period-")?)?;
        let fits = |ms: &u32| (SHORTEST_TICK_MS..=LONGEST_MS).contains(ms);
        self.periods_ms[channel] = value.parse().ok().filter(fits)?;
        Some(())
    }

    /// Gives each channel its period, and the node its tick in milliseconds: the longest that all periods are multiples of.
    /// `None` where that is below 10 ms. Channels that are not there stay away.
    #[must_use]
    pub fn plan(&self, sample_ms: u64, room: &mut [ChannelSpec<'_>; ROOM_CHANNELS]) -> Option<u64> {
        let period = |ms: u32| if ms == 0 { sample_ms } else { u64::from(ms) };
        let tick_ms = self
            .periods_ms
            .iter()
            .fold(sample_ms, |tick, ms| divisor(tick, period(*ms)));
        if tick_ms < u64::from(SHORTEST_TICK_MS) {
            return None;
        }
        for (channel, ms) in room.iter_mut().zip(self.periods_ms) {
            channel.every *= u16::try_from(period(ms) / tick_ms).ok()?;
        }
        Some(tick_ms)
    }
}

/// The greatest that divides both.
const fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::sensors::room_channels;

    fn plan(sample_ms: u64, given: &[(&str, &str)]) -> Option<(u64, [u16; ROOM_CHANNELS])> {
        let mut schedule = Schedule::default();
        for (key, value) in given {
            schedule.take(key, value).unwrap();
        }
        let mut room = room_channels(10_500);
        room[6].every = 0;
        let tick_ms = schedule.plan(sample_ms, &mut room)?;
        Some((tick_ms, room.map(|channel| channel.every)))
    }

    #[test]
    fn each_channel_has_its_period_and_the_tick_fits_all() {
        assert_eq!(plan(1_000, &[]), Some((1_000, [1, 1, 1, 1, 1, 1, 0, 1])));
        let contact = [("period-fire-contact", "250"), ("period-voc", "3000")];
        assert_eq!(plan(1_000, &contact), Some((250, [4, 4, 12, 4, 1, 4, 0, 4])));
        assert_eq!(plan(1_000, &[("period-voc", "333")]), None, "no tick of 10 ms");
    }

    #[test]
    fn what_is_no_period_is_refused() {
        let mut schedule = Schedule::default();
        for (key, value) in [
            ("period-smoke", "100"),
            ("period-voc", "9"),
            ("voc", "100"),
            ("period-voc", "a"),
        ] {
            assert_eq!(schedule.take(key, value), None, "{key}={value}");
        }
    }
}
