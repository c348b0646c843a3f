//! What an operator reads in a hot week without a fire or a fault: lines that nobody can act on teach people not to read.

use std::collections::BTreeMap;

use muster_core::EventKind;
use muster_sim::building::{Dice, Disturbance, Room};

use crate::event::Event;
use crate::fit::Fit;
use crate::play::Play;
use crate::window::{Place, course};

const DAY_S: f64 = 86_400.0;
/// A battery room with weak cooling on the hottest days: from 24 to 36 °C in the afternoon, and on top of it up to 8 °C in
/// half an hour or an hour, three times a day, when the cooling stops. Assumed.
const HOTTER_C: f64 = 12.0;
/// From 9 in the morning, for 12 h. Assumed.
const FROM_S: f64 = 9.0 * 3_600.0;
const LASTS_S: f64 = 12.0 * 3_600.0;

/// Lines of seven days.
pub(crate) struct Week {
    pub(crate) lines: Vec<(f64, EventKind, String)>,
}

impl Week {
    /// Played with every sensor well.
    pub(crate) fn play(fit: &Fit, seed: u64) -> Self {
        let mut dice = Dice::new(seed, 0);
        let room = Room::draw(&mut dice);
        let hot = |day: i32| {
            let at_s = f64::from(day) * DAY_S + FROM_S + dice.between(-3_600.0, 3_600.0);
            Event::Disturbance(Disturbance::hot_day(at_s, LASTS_S, HOTTER_C + dice.between(-2.0, 2.0)))
        };
        let mut days: Vec<Event> = (0..7).map(hot).collect();
        // The overburdened cooling stops and starts again: as fast as a room warms without it.
        for day in 0..7 {
            for _ in 0..3 {
                let at_s = f64::from(day) * DAY_S + FROM_S + dice.between(0.0, LASTS_S);
                let stops = Disturbance::hot_day(at_s, dice.between(3_600.0, 7_200.0), dice.between(4.0, 8.0));
                days.push(Event::Disturbance(stops));
            }
        }
        let place = Place {
            room: &room,
            noise: dice.bits(),
        };
        let course = course(place, &days.iter().collect::<Vec<_>>());
        let mut play = Play::new(fit, true);
        play.join(0.0);
        for t_s in (0..7 * 86_400).step_by(5).map(f64::from) {
            play.sample(&course, t_s);
        }
        Self { lines: play.told.lines }
    }

    pub(crate) fn by_kind(&self) -> BTreeMap<EventKind, usize> {
        let mut by = BTreeMap::new();
        for (_, kind, _) in &self.lines {
            *by.entry(*kind).or_default() += 1;
        }
        by
    }

    /// For a terminal.
    pub(crate) fn text(&self, room: &str) -> String {
        let by = self
            .by_kind()
            .into_iter()
            .map(|(kind, count)| format!("{count} {kind}"));
        let by: Vec<String> = by.collect();
        let mut text = format!(
            "{room}: {} lines in a week of hot afternoons ({})\n",
            self.lines.len(),
            by.join(", ")
        );
        for (t_s, _, line) in &self.lines {
            text += &format!("{t_s:>12.1} s  {line}\n");
        }
        text
    }
}
