//! Wall-clock times: how people read them, and how they type them.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// A bare time of day that passed less than this ago is more likely a slip than a date of tomorrow.
const JUST_PASSED_MIN: i64 = 60;
/// No cut is announced further ahead. Days.
const AHEAD_MAX_DAYS: i64 = 7;

/// RFC 3339 with the offset of the machine's time zone, to the second; none beyond the year 9999.
pub(crate) fn rfc3339(wall_ms: i64) -> Option<String> {
    let at = Timestamp::from_millisecond(wall_ms).ok()?;
    Some(
        at.to_zoned(TimeZone::system())
            .strftime("%Y-%m-%dT%H:%M:%S%:z")
            .to_string(),
    )
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
    #[error("{given} has passed; give a time that is still to come, with its date if it is tomorrow's")]
    Passed {
        /// As typed.
        given: String,
    },
    /// Too far.
    #[error("{given} is more than {AHEAD_MAX_DAYS} days ahead; announce the cut when it is nearer")]
    TooFar {
        /// As typed.
        given: String,
    },
}

/// Unix milliseconds of a time typed at `now_ms`: RFC 3339, or a bare time of day, which means the next such time in
/// `zone`. One that passed within the last hour is refused: taking it for tomorrow's would show a day of runway.
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
        Err(cause) => next_such(given, &now.to_zoned(zone.clone()), cause)?,
    };
    if at <= now {
        return Err(TimeError::Passed {
            given: given.to_owned(),
        });
    }
    if at.duration_since(now).as_hours() >= AHEAD_MAX_DAYS * 24 {
        return Err(TimeError::TooFar {
            given: given.to_owned(),
        });
    }
    Ok(at.as_millisecond())
}

fn next_such(given: &str, now: &Zoned, cause: jiff::Error) -> Result<Timestamp, TimeError> {
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
        let zoned = day.to_datetime(time).to_zoned(now.time_zone().clone());
        zoned.map(|z| z.timestamp()).map_err(calendar)
    };
    let (today, just_passed) = (on(now.date())?, JUST_PASSED_MIN.minutes());
    let earliest_slip = now.timestamp().checked_sub(just_passed).map_err(calendar)?;
    if today > earliest_slip {
        return Ok(today);
    }
    on(now.date().tomorrow().map_err(calendar)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn at(given: &str, now: &str, zone: &str) -> Result<String, String> {
        let zone = TimeZone::posix(zone).unwrap();
        let now: Timestamp = now.parse().unwrap();
        let ms = parse(given, now.as_millisecond(), &zone).map_err(|e| e.to_string())?;
        Ok(Timestamp::from_millisecond(ms).unwrap().to_string())
    }

    #[test]
    fn a_bare_time_is_the_next_such_local_time() {
        let (now, seoul) = ("2022-10-15T16:40:00+09:00", "KST-9");
        assert_eq!(at("16:52", now, seoul).unwrap(), "2022-10-15T07:52:00Z");
        assert_eq!(at(" 16:52:30 ", now, seoul).unwrap(), "2022-10-15T07:52:30Z");
        assert_eq!(at("03:00", now, seoul).unwrap(), "2022-10-15T18:00:00Z");
    }

    #[test]
    fn a_bare_time_just_passed_is_a_slip() {
        let (now, seoul) = ("2022-10-15T16:52:01+09:00", "KST-9");
        assert!(at("16:52", now, seoul).unwrap_err().contains("has passed"));
        assert_eq!(at("15:52", now, seoul).unwrap(), "2022-10-16T06:52:00Z");
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
