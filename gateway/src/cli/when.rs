//! A time on the command line, of a recording or an incident file.

use jiff::Timestamp;
use muster_core::Millis;

use crate::incident;

const DAY_MS: i64 = 86_400_000;

/// As it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Milliseconds after T+0:00.
    Relative(Millis),
    /// Unix milliseconds.
    Wall(i64),
    /// Milliseconds after midnight, the first time after the beginning.
    OfDay(Millis),
}

impl When {
    /// Unix milliseconds; `Err`: milliseconds after T+0:00.
    pub(super) fn wall_ms(self, begin_wall_ms: i64, offset_s: i32) -> Result<i64, Millis> {
        match self {
            Self::Relative(ms) => Err(ms),
            Self::Wall(wall_ms) => Ok(wall_ms),
            Self::OfDay(ms) => {
                let begin = begin_wall_ms
                    .saturating_add(i64::from(offset_s) * 1_000)
                    .rem_euclid(DAY_MS);
                Ok(begin_wall_ms.saturating_add((ms - begin).rem_euclid(DAY_MS)))
            }
        }
    }
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let relative = |rest: &str| {
            let (minutes, seconds) = rest.split_once(':')?;
            let (minutes, seconds): (Millis, f64) = (minutes.parse().ok()?, seconds.parse().ok()?);
            let fits = (0..=10_000_000).contains(&minutes) && (0.0..60.0).contains(&seconds);
            fits.then_some(minutes * 60_000 + (seconds * 1_000.0) as Millis)
        };
        let found = if let Some(rest) = word.strip_prefix("T+") {
            relative(rest).map(Self::Relative)
        } else if let Some(rest) = word.strip_prefix("T-") {
            relative(rest).map(|ms| Self::Relative(-ms))
        } else if let Some(ms) = incident::time_of_day(word) {
            Some(Self::OfDay(ms))
        } else {
            word.parse::<Timestamp>().ok().map(|t| Self::Wall(t.as_millisecond()))
        };
        found.ok_or_else(|| format!("{word:?} is neither T+m:ss, nor 15:21, nor a time with date and zone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_the_first_one_after_the_beginning() {
        let nine_hours_s = 9 * 3_600;
        let begin = "2022-10-15T23:50:00+09:00"
            .parse::<Timestamp>()
            .unwrap()
            .as_millisecond();
        let wall = |word: &str| word.parse::<When>().unwrap().wall_ms(begin, nine_hours_s);
        assert_eq!(wall("23:50"), Ok(begin));
        assert_eq!(wall("00:10"), Ok(begin + 20 * 60_000), "after midnight");
        assert_eq!(wall("2022-10-16T00:10:00+09:00"), Ok(begin + 20 * 60_000));
        assert_eq!(wall("T-1:30"), Err(-90_000));
        for word in ["", "soon", "25:00", "T+1", "T+1:60", "15", "2022-10-15"] {
            assert!(word.parse::<When>().is_err(), "{word}");
        }
    }
}
