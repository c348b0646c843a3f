//! What is taken of a UPS's variables, and how they become readings. No I/O.

use muster_core::{ChannelIx, Millis};
use muster_profiles::NutSignal;
use muster_wire::{Absence, Micro};

use super::NutSource;
use super::answer::Variables;
use crate::sources::excuse::{Excuses, without};
use crate::sources::outlet::Sample;

/// The signals of a UPS that the config has a channel for.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Those on the lane of alarms.
    pub(super) trip: Vec<Point>,
    /// The others.
    pub(super) rest: Vec<Point>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Point {
    signal: NutSignal,
    channel: ChannelIx,
    excuses: Excuses,
}

impl Sheet {
    pub(super) fn of(source: &NutSource) -> Self {
        let points = |trip| {
            let ours = source.way.profile.signals.iter().filter(|s| s.trip == trip);
            ours.filter_map(|signal| {
                let channel = *source.channels.get(&signal.name)?;
                Some(Point {
                    signal: signal.clone(),
                    channel,
                    excuses: Excuses::default(),
                })
            })
            .collect()
        };
        Self {
            trip: points(true),
            rest: points(false),
        }
    }

    /// `name (variable)` of every signal whose variable was not among those said.
    pub(super) fn missing(&self, variables: &Variables) -> Vec<String> {
        let all = self.trip.iter().chain(&self.rest).map(|point| &point.signal);
        all.filter(|s| !variables.contains_key(&s.variable))
            .map(|s| format!("{} ({})", s.name, s.variable))
            .collect()
    }
}

impl Point {
    /// Its value by what is said now, and by nothing that was said before: a flag that is not repeated is gone, and a
    /// variable that is not there is absent.
    pub(super) fn sample(&mut self, variables: &Variables, now: Millis) -> Sample {
        Sample {
            channel: self.channel,
            value: self.value(variables, now),
        }
    }

    fn value(&mut self, variables: &Variables, now: Millis) -> Result<Micro, Absence> {
        let text = variables.get(&self.signal.variable);
        let mut excused = false;
        for (variable, said) in self.signal.excuses(variables) {
            excused |= self.excuses.counts(variable, said, now);
        }
        without(self.signal.unexcused(text.ok_or(Absence::Bus)?), excused)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::source;
    use super::*;
    use muster_wire::MICRO;

    const HOUR: Millis = 3_600_000;
    const MINUTE: Millis = 60_000;

    fn said(rows: &[(&str, &str)]) -> Variables {
        rows.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn values(sheet: &mut Sheet, variables: &Variables, now: Millis) -> Vec<Result<i64, Absence>> {
        let all = sheet.trip.iter_mut().chain(&mut sheet.rest);
        all.map(|p| p.sample(variables, now).value.map(|m| m.0)).collect()
    }

    #[test]
    fn a_flag_that_is_not_repeated_is_gone_and_what_is_not_said_is_absent() {
        let mut sheet = Sheet::of(&source("127.0.0.1:1", &["on_battery", "charge"]));
        assert_eq!((sheet.trip.len(), sheet.rest.len()), (1, 1));
        let on = said(&[("ups.status", "OB DISCHRG"), ("battery.charge", "50")]);
        assert_eq!(values(&mut sheet, &on, 0), [Ok(MICRO), Ok(MICRO / 2)]);
        assert_eq!(
            values(&mut sheet, &said(&[("ups.status", "NEWWORD")]), 1),
            [Ok(0), Err(Absence::Bus)]
        );
        assert_eq!(values(&mut sheet, &said(&[]), 2), [Err(Absence::Bus); 2]);
        assert_eq!(
            sheet.missing(&said(&[])),
            ["on_battery (ups.status)", "charge (battery.charge)"]
        );
    }

    #[test]
    fn a_calibration_excuses_on_battery_for_an_hour_and_no_longer() {
        let mut sheet = Sheet::of(&source("127.0.0.1:1", &["on_battery"]));
        let mut at = |status: &str, now| values(&mut sheet, &said(&[("ups.status", status)]), now)[0];
        let hour = HOUR;
        assert_eq!((at("OB CAL", 0), at("OB CAL", hour - 1)), (Ok(0), Ok(0)));
        assert_eq!(at("OB CAL", hour), Ok(MICRO), "the flag stays, the power is cut");
        assert_eq!(
            (at("OL", hour + 1), at("OB CAL", hour + 2)),
            (Ok(0), Ok(MICRO)),
            "not a new one"
        );
        let anew = hour + 3 + MINUTE;
        assert_eq!((at("OL", hour + 3), at("OL", anew)), (Ok(0), Ok(0)));
        assert_eq!(
            (at("OB CAL", anew), at("OB", anew + 1)),
            (Ok(0), Ok(MICRO)),
            "a new one"
        );
        assert_eq!(at("OL CAL", 2 * hour), Ok(0));
        assert_eq!(
            at("OB CAL", 3 * hour),
            Ok(MICRO),
            "it has stood there since long before the cut"
        );
    }

    #[test]
    fn a_test_that_only_its_result_tells_is_no_power_cut_either() {
        let mut sheet = Sheet::of(&source("127.0.0.1:1", &["on_battery"]));
        let mut at = |result: &str, now| {
            let rows = said(&[("ups.status", "OB DISCHRG"), ("ups.test.result", result)]);
            values(&mut sheet, &rows, now)[0]
        };
        assert_eq!(at("In progress", 0), Ok(0));
        assert_eq!(at("Test in progress", 1_000), Ok(0));
        assert_eq!(
            at("Done and passed", 2_000),
            Ok(MICRO),
            "it is over, and the load still on battery"
        );
        assert_eq!(at("In progress", 3_000), Ok(0));
        assert_eq!(at("In progress", HOUR), Ok(MICRO), "it stays for ever");
        // A driver that drops its variable now and then.
        let gone = values(&mut sheet, &said(&[("ups.status", "OB DISCHRG")]), 2 * HOUR)[0];
        let mut at = |now| {
            let rows = said(&[("ups.status", "OB DISCHRG"), ("ups.test.result", "In progress")]);
            values(&mut sheet, &rows, now)[0]
        };
        assert_eq!((gone, at(2 * HOUR + 2 * MINUTE)), (Ok(MICRO), Ok(MICRO)));
    }
}
