//! `[[drill]]`: how often the bridges are walked, and when they are not.

use jiff::civil::{Date, DateTime, Time, Weekday};

use super::faults::{At, Faults, quoted};
use super::names::Index;
use super::table::Table;

/// How often a drill is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drilled {
    /// Of this workload; none: of all.
    pub workload: Option<String>,
    /// It is held when the last one that passed is so old, and not before one has passed that a person ordered.
    pub every_days: u32,
    /// When it is not held by itself. Local time.
    pub blocked: Vec<Blocked>,
}

/// A time in which no drill begins by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// From one day to another, both included.
    Days(Date, Date),
    /// On these days of the week, both included, between two times of day; the second is not included.
    Week((Weekday, Weekday), (Time, Time)),
}

impl Drilled {
    /// Whether it is of a workload.
    #[must_use]
    pub fn is_of(&self, id: &str) -> bool {
        self.workload.as_deref().is_none_or(|own| own == id)
    }

    /// The words of what keeps it from beginning at a local time.
    #[must_use]
    pub fn is_blocked(&self, at: DateTime) -> bool {
        self.blocked.iter().any(|blocked| blocked.holds(at))
    }
}

impl Blocked {
    fn holds(self, at: DateTime) -> bool {
        match self {
            Self::Days(from, to) => (from..=to).contains(&at.date()),
            Self::Week((from, to), (begin, end)) => {
                let nth = |day: Weekday| day.to_monday_zero_offset();
                let (from, to, day) = (nth(from), nth(to), nth(at.weekday()));
                let on = if from <= to {
                    (from..=to).contains(&day)
                } else {
                    day >= from || day <= to
                };
                // To 24:00 is written 00:00.
                on && begin <= at.time() && (at.time() < end || end == Time::midnight())
            }
        }
    }
}

/// `[[drill]]` as it stands in the file.
pub(super) struct DrillRow {
    workload: Option<At<String>>,
    drilled: Drilled,
}

const HINT: &str = "days, as \"2026-12-20/2027-01-05\", or days of the week with a time, as \"Mon-Fri 08:00-18:00\"";

/// Reads all of them.
pub(super) fn read(root: &Table<'_>) -> Vec<DrillRow> {
    root.tables("drill", "[[drill]]").iter().map(read_one).collect()
}

fn read_one(table: &Table<'_>) -> DrillRow {
    if table.place("every_days").is_none() {
        table.missing("every_days", "such as every_days = 30");
    }
    let workload = table.text("workload");
    let every_days = table
        .integer("every_days", 1..=366)
        .map_or(366, |days| days.value as u32);
    let mut blocked = Vec::new();
    for text in table.texts("blocked") {
        match blocked_of(&text.value) {
            Some(found) => blocked.push(found),
            None => table.faults.error(
                text.at,
                format!("{} is no time of a calendar", quoted(&text.value)),
                HINT,
            ),
        }
    }
    table.finish();
    DrillRow {
        drilled: Drilled {
            workload: workload.as_ref().map(|w| w.value.clone()),
            every_days,
            blocked,
        },
        workload,
    }
}

/// Looks up what they name.
pub(super) fn lower(rows: Vec<DrillRow>, workloads: &Index, faults: &Faults<'_>) -> Vec<Drilled> {
    for named in rows.iter().filter_map(|row| row.workload.as_ref()) {
        workloads.find(named, faults);
    }
    rows.into_iter().map(|row| row.drilled).collect()
}

fn blocked_of(text: &str) -> Option<Blocked> {
    if let Some((from, to)) = text.split_once('/') {
        let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        return (from <= to).then_some(Blocked::Days(from, to));
    }
    let (days, times) = text.split_once(' ').unwrap_or((text, "00:00-00:00"));
    let (from, to) = days.split_once('-').unwrap_or((days, days));
    let (begin, end) = times.trim().split_once('-')?;
    let (begin, end) = (time_of(begin)?, time_of(end)?);
    (begin < end || end == Time::midnight()).then_some(Blocked::Week((weekday(from)?, weekday(to)?), (begin, end)))
}

fn weekday(word: &str) -> Option<Weekday> {
    const DAYS: [(&str, Weekday); 7] = [
        ("Mon", Weekday::Monday),
        ("Tue", Weekday::Tuesday),
        ("Wed", Weekday::Wednesday),
        ("Thu", Weekday::Thursday),
        ("Fri", Weekday::Friday),
        ("Sat", Weekday::Saturday),
        ("Sun", Weekday::Sunday),
    ];
    DAYS.iter()
        .find(|(known, _)| *known == word.trim())
        .map(|(_, day)| *day)
}

fn time_of(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    match (hour, minute) {
        (24, 0) => Some(Time::midnight()),
        _ => Time::new(hour, minute, 0, 0).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drilled(blocked: &str) -> Drilled {
        Drilled {
            workload: None,
            every_days: 30,
            blocked: vec![blocked_of(blocked).unwrap()],
        }
    }

    fn at(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_calendar_blocks_what_it_says() {
        let holidays = drilled("2026-12-20/2027-01-05");
        assert!(holidays.is_blocked(at("2026-12-20T00:00")) && holidays.is_blocked(at("2027-01-05T23:59")));
        assert!(!holidays.is_blocked(at("2026-12-19T23:59")) && !holidays.is_blocked(at("2027-01-06T00:00")));
        // 27 November 2026 is a Friday.
        let office = drilled("Mon-Fri 08:00-18:00");
        assert!(office.is_blocked(at("2026-11-27T08:00")) && office.is_blocked(at("2026-11-27T17:59")));
        assert!(!office.is_blocked(at("2026-11-27T18:00")) && !office.is_blocked(at("2026-11-28T12:00")));
        let weekend = drilled("Sat-Sun");
        assert!(weekend.is_blocked(at("2026-11-28T00:00")) && weekend.is_blocked(at("2026-11-29T23:59")));
        let over = drilled("Fri-Mon 20:00-24:00");
        assert!(over.is_blocked(at("2026-11-29T23:59")) && !over.is_blocked(at("2026-11-26T21:00")));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2027-01-05/2026-12-20",
            "Mon-Fri 18:00-08:00",
            "Mon 25:00-26:00",
            "Mon-Fri 8-18",
        ] {
            assert_eq!(blocked_of(text), None, "{text}");
        }
    }
}
