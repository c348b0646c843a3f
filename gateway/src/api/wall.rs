//! Wall-clock times: how people read them, and how they type them.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// No cut is announced further ahead. Days.
const AHEAD_MAX_DAYS: i64 = 7;

/// RFC 3339 with the offset of the machine's time zone, to the second; none beyond the year 9999.
pub(crate) fn rfc3339(wall_ms: i64) -> Option<String> {
    let at = Timestamp::from_millisecond(wall_ms).ok()?;
    Some(with_offset(&at.to_zoned(TimeZone::system())))
}

fn with_offset(at: &Zoned) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The nearest whole second: engine time and wall clock are read one after the other, so that 16:52 comes back a millisecond
/// off.
pub(crate) fn to_the_second(wall_ms: i64) -> i64 {
    (wall_ms + 500).div_euclid(1_000) * 1_000
}

/// Time of day with its zone, as in `16:52:00 UTC+09:00`; before it the date, where that is not today's.
pub(crate) fn spoken(wall_ms: i64, now_ms: i64) -> String {
    spoken_in(&TimeZone::system(), wall_ms, now_ms)
}

fn spoken_in(zone: &TimeZone, wall_ms: i64, now_ms: i64) -> String {
    let zoned = |ms| Timestamp::from_millisecond(ms).map(|at| at.to_zoned(zone.clone()));
    let (Ok(at), Ok(now)) = (zoned(wall_ms), zoned(now_ms)) else {
        return "beyond the calendar".to_owned();
    };
    let day = if at.date() == now.date() {
        String::new()
    } else {
        format!("{} ", at.date())
    };
    format!("{day}{} {}", at.strftime("%H:%M:%S"), zone_of(&at))
}

/// The machine's zone at a moment: `UTC`, `UTC+09:00`.
pub(crate) fn zone(wall_ms: i64) -> String {
    let at = Timestamp::from_millisecond(wall_ms).unwrap_or(Timestamp::MAX);
    zone_of(&at.to_zoned(TimeZone::system()))
}

fn zone_of(at: &Zoned) -> String {
    if at.offset().is_zero() {
        "UTC".to_owned()
    } else {
        at.strftime("UTC%:z").to_string()
    }
}

/// What is wrong with a time a person typed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TimeError {
    /// Neither form.
    #[error("{given:?} is neither a time of day like 16:52 nor RFC 3339 like 2022-10-15T16:52:00+09:00")]
    Form {
        /// As typed.
        given: String,
        /// What the parser said.
        #[source]
        cause: jiff::Error,
    },
    /// The calendar ends before.
    #[error("{given:?} is beyond the calendar")]
    Calendar {
        /// As typed.
        given: String,
        /// What the calendar said.
        #[source]
        cause: jiff::Error,
    },
    /// It has been.
    #[error("{given} has passed: here it is {now}; give a time that is still to come")]
    Passed {
        /// As typed.
        given: String,
        /// The clock it was compared with.
        now: String,
    },
    /// It has been today. Tomorrow's would be a day of runway by a slip, so it is not taken for that.
    #[error("{given} has passed today: here it is {now}. If you mean tomorrow, give its date: {tomorrow}")]
    PassedToday {
        /// As typed.
        given: String,
        /// The clock it was compared with.
        now: String,
        /// Ready to be given instead.
        tomorrow: String,
    },
    /// Too far.
    #[error("{given} is more than {AHEAD_MAX_DAYS} days ahead; announce the cut when it is nearer")]
    TooFar {
        /// As typed.
        given: String,
    },
}

/// Unix milliseconds of a time typed at `now_ms`: RFC 3339, or a bare time of day, which means today's in `zone`. One that
/// has passed is refused, never taken for tomorrow's.
///
/// # Errors
/// See [`TimeError`].
pub(crate) fn parse(given: &str, now_ms: i64, zone: &TimeZone) -> Result<i64, TimeError> {
    let given = given.trim();
    let calendar = |cause| TimeError::Calendar {
        given: given.to_owned(),
        cause,
    };
    let now = Timestamp::from_millisecond(now_ms).map_err(calendar)?;
    let at = match given.parse::<Timestamp>() {
        Ok(at) => at,
        Err(cause) => today(given, &now.to_zoned(zone.clone()), cause)?,
    };
    if at <= now {
        return Err(TimeError::Passed {
            given: given.to_owned(),
            now: spoken_in(zone, now_ms, now_ms),
        });
    }
    if at.duration_since(now).as_hours() >= AHEAD_MAX_DAYS * 24 {
        return Err(TimeError::TooFar {
            given: given.to_owned(),
        });
    }
    Ok(at.as_millisecond())
}

fn today(given: &str, now: &Zoned, cause: jiff::Error) -> Result<Timestamp, TimeError> {
    let looks_bare = !given.contains(['T', 't', ' ', 'Z', 'z', '+', '-']);
    let time = given.parse::<Time>().ok().filter(|_| looks_bare);
    let time = time.ok_or_else(|| TimeError::Form {
        given: given.to_owned(),
        cause,
    })?;
    let calendar = |cause| TimeError::Calendar {
        given: given.to_owned(),
        cause,
    };
    let on = |day: jiff::civil::Date| {
        day.to_datetime(time)
            .to_zoned(now.time_zone().clone())
            .map_err(calendar)
    };
    let at = on(now.date())?;
    if at.timestamp() <= now.timestamp() {
        let now_ms = now.timestamp().as_millisecond();
        return Err(TimeError::PassedToday {
            given: given.to_owned(),
            now: spoken_in(now.time_zone(), now_ms, now_ms),
            tomorrow: with_offset(&on(now.date().tomorrow().map_err(calendar)?)?),
        });
    }
    Ok(at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(given: &str, now: &str, zone: &str) -> Result<String, String> {
        let zone = TimeZone::posix(zone).unwrap();
        let now: Timestamp = now.parse().unwrap();
        let ms = parse(given, now.as_millisecond(), &zone).map_err(|e| e.to_string())?;
        Ok(Timestamp::from_millisecond(ms).unwrap().to_string())
    }

    #[test]
    fn a_bare_time_is_todays() {
        let (now, seoul) = ("2022-10-15T16:40:00+09:00", "KST-9");
        assert_eq!(at("16:52", now, seoul).unwrap(), "2022-10-15T07:52:00Z");
        assert_eq!(at(" 16:52:30 ", now, seoul).unwrap(), "2022-10-15T07:52:30Z");
    }

    /// Whether a minute or half a day ago: what it was taken for, and what to type if tomorrow is meant.
    #[test]
    fn a_bare_time_that_has_passed_is_never_taken_for_tomorrows() {
        let (now, seoul) = ("2022-10-15T16:52:01+09:00", "KST-9");
        for (given, tomorrow) in [("16:52", "16:52:00"), ("15:52", "15:52:00"), ("03:00", "03:00:00")] {
            let why = at(given, now, seoul).unwrap_err();
            assert!(why.contains("has passed today: here it is 16:52:01 UTC+09:00"), "{why}");
            let instant = format!("2022-10-16T{tomorrow}+09:00");
            assert!(why.ends_with(&instant), "{why}");
            assert!(at(&instant, now, seoul).is_ok(), "what it says can be given");
        }
    }

    #[test]
    fn a_time_is_spoken_with_its_zone_and_with_another_days_date() {
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let seoul = TimeZone::posix("KST-9").unwrap();
        let (at, now) = (ms("2022-10-15T07:52:00Z"), ms("2022-10-15T07:40:00Z"));
        assert_eq!(spoken_in(&seoul, at, now), "16:52:00 UTC+09:00");
        assert_eq!(spoken_in(&seoul, at, now - 86_400_000), "2022-10-15 16:52:00 UTC+09:00");
        assert_eq!(spoken_in(&TimeZone::UTC, at, now), "07:52:00 UTC");
        assert_eq!(to_the_second(at - 1), at);
        assert_eq!(to_the_second(at + 1), at);
    }

    #[test]
    fn rfc_3339_is_taken_in_any_zone_and_only_ahead() {
        let now = "2022-10-15T16:40:00+09:00";
        assert_eq!(
            at("2022-10-15T16:52:00+09:00", now, "UTC0").unwrap(),
            "2022-10-15T07:52:00Z"
        );
        assert_eq!(
            at("2022-10-15T07:52:00Z", now, "KST-9").unwrap(),
            "2022-10-15T07:52:00Z"
        );
        assert!(
            at("2022-10-15T16:39:00+09:00", now, "UTC0")
                .unwrap_err()
                .contains("has passed")
        );
        assert!(
            at("2023-10-15T16:39:00+09:00", now, "UTC0")
                .unwrap_err()
                .contains("days ahead")
        );
    }

    #[test]
    fn garbage_is_named() {
        for given in [
            "",
            "soon",
            "25:00",
            "16:52pm",
            "2022-10-15",
            "2022-10-15T16:52:00",
            "99999999999",
            "-1",
            "1652\0",
        ] {
            let why = at(given, "2022-10-15T16:40:00Z", "UTC0").unwrap_err();
            assert!(why.contains("neither a time of day"), "{given}: {why}");
        }
    }

    #[test]
    fn a_gap_of_daylight_saving_is_bridged() {
        let berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
        assert_eq!(
            at("02:30", "2022-03-27T00:30:00+01:00", berlin).unwrap(),
            "2022-03-27T01:30:00Z"
        );
    }

    #[test]
    fn people_read_rfc_3339() {
        let shown = rfc3339(1_665_820_320_999).unwrap();
        assert_eq!(
            shown.parse::<Timestamp>().unwrap().as_millisecond(),
            1_665_820_320_000,
            "{shown}"
        );
        assert_eq!(rfc3339(i64::MAX), None);
    }
}
