//! Times, durations, values and marks.

use jiff::Timestamp;
use muster_core::Millis;
use muster_wire::Micro;

use super::Mark;

const DAY_MS: Millis = 24 * 3_600_000;

/// `15:19`, `15:19:00` or `15:19:00.250`: milliseconds of the day.
pub(crate) fn time_of_day(word: &str) -> Option<Millis> {
    let mut parts = word.split(':');
    let (hours, minutes) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let (seconds, millis) = match parts.next() {
        None => (0, 0),
        Some(rest) => match rest.split_once('.') {
            None => (digits(rest, 2)?, 0),
            Some((seconds, millis)) => (digits(seconds, 2)?, digits(millis, 3)?),
        },
    };
    let fits = hours < 24 && minutes < 60 && seconds < 60 && parts.next().is_none();
    fits.then_some(((hours * 60 + minutes) * 60 + seconds) * 1_000 + millis)
}

fn digits(word: &str, count: usize) -> Option<Millis> {
    let all = word.len() == count && word.bytes().all(|b| b.is_ascii_digit());
    all.then(|| word.parse().ok()).flatten()
}

/// Milliseconds from one time of day to another; what lies before it is of the next day.
pub(super) fn after(begin: Millis, time: Millis) -> Millis {
    (time - begin).rem_euclid(DAY_MS)
}

/// `45s`, `200ms` or `2min`: milliseconds, from 1 to a day.
pub(super) fn duration(word: &str) -> Option<Millis> {
    let split = word.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = word.split_at(split);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        _ => return None,
    };
    let ms = number.parse::<Millis>().ok()?.checked_mul(factor)?;
    (1..=DAY_MS).contains(&ms).then_some(ms)
}

/// `31.2`: at most six decimals.
pub(super) fn value(word: &str) -> Option<Micro> {
    let (sign, number) = word.strip_prefix('-').map_or((1, word), |rest| (-1, rest));
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(decimals) || decimals.len() > 6 || number.ends_with('.') {
        return None;
    }
    let places = i64::try_from(decimals.len()).ok()?;
    let mantissa: i64 = format!("{whole}{decimals}").parse().ok()?;
    Micro::from_decimal(sign * mantissa, -places)
}

/// `recorded: SOURCE` or `assumed: WHY`.
pub(super) fn mark(text: &str) -> Option<Mark> {
    let (word, rest) = text.split_once(':')?;
    let rest = rest.trim().to_owned();
    if rest.is_empty() {
        return None;
    }
    match word.trim() {
        "recorded" => Some(Mark::Recorded(rest)),
        "assumed" => Some(Mark::Assumed(rest)),
        _ => None,
    }
}

/// Unix milliseconds of midnight of `2022-10-15 +09:00`, and the offset in seconds.
pub(super) fn date(day: &str, offset: &str) -> Option<(i64, i32)> {
    let midnight: Timestamp = format!("{day}T00:00:00{offset}").parse().ok()?;
    let utc: Timestamp = format!("{day}T00:00:00Z").parse().ok()?;
    let offset_s = i32::try_from(utc.as_second() - midnight.as_second()).ok()?;
    Some((midnight.as_millisecond(), offset_s))
}
