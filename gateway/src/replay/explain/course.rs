//! How a tape went as it was recorded, and what had been seen by one moment of it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use muster_core::{Effect, EventKind, Input, Level, Millis, Record, State, VoteView};
use muster_wire::Micro;

use super::{Stepped, Tape, Twist};
use crate::recorder::ReadError;

/// Extremes are looked for over this long before a moment.
const RECENT_MS: Millis = 30 * 60_000;

/// As it was recorded, to its end.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// First vote.
    pub first_vote: Option<Millis>,
    /// When the site's level rose, and to what.
    pub rises: Vec<(Millis, Level)>,
    /// By zone, in the order of the config: its evacuation.
    pub evacuated: Vec<Option<Evacuated>>,
    /// Inputs.
    pub inputs: u64,
    level: Level,
}

/// The evacuation of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evacuated {
    /// When.
    pub at: Millis,
    /// The site's votes then.
    pub votes: Vec<VoteView>,
    /// The tape begins with it.
    pub before: bool,
}

impl Course {
    /// Plays it to its end.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub fn of(tape: &Tape<'_>) -> Result<Self, ReadError> {
        let mut course = Self::default();
        tape.run(&Twist::default(), Millis::MAX, &mut |stepped| {
            course.heed(stepped);
            ControlFlow::Continue(())
        })?;
        Ok(course)
    }

    fn heed(&mut self, stepped: &Stepped<'_>) {
        let first = self.inputs == 0;
        self.inputs += 1;
        if stepped.effects.iter().any(|e| held(e).is_some()) {
            self.first_vote.get_or_insert(stepped.at);
        }
        if !first && !levels_moved(stepped.effects) && !matches!(stepped.input, Input::Config(_) | Input::Restore(_)) {
            return;
        }
        let level = stepped.state.level();
        if level > self.level && !first {
            self.rises.push((stepped.at, level));
        }
        self.level = level;
        self.evacuated.resize(stepped.state.site().zones.len(), None);
        for (known, level) in self.evacuated.iter_mut().zip(stepped.state.zone_levels()) {
            if known.is_none() && level == Level::Evacuate {
                *known = Some(Evacuated {
                    at: stepped.at,
                    votes: stepped.state.view(stepped.at).votes,
                    before: first,
                });
            }
        }
    }
}

/// Zone and group of a vote that is cast, and its channel.
pub(super) fn held(effect: &Effect) -> Option<(&str, &str, &str)> {
    match effect {
        Effect::Persist(entry) => match &entry.record {
            Record::VoteHeld {
                zone, group, channel, ..
            } => Some((zone, group, channel)),
            _ => None,
        },
        _ => None,
    }
}

/// No level moves without a word.
pub(super) fn levels_moved(effects: &[Effect]) -> bool {
    effects
        .iter()
        .any(|e| matches!(e, Effect::Event(event) if event.kind == EventKind::Level))
}

/// The lowest and the highest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peak {
    /// Lowest.
    pub low: Micro,
    /// Highest.
    pub high: Micro,
}

/// What was seen up to a moment.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// Engine time.
    pub at: Millis,
    /// The state then.
    pub state: State,
    /// Channel that cast the vote of a group in a zone, where the tape has it.
    pub by: BTreeMap<(String, String), String>,
    /// By channel, since the tape began.
    pub peaks: BTreeMap<u32, Peak>,
    /// By channel, in the last 30 minutes.
    pub recent: BTreeMap<u32, Peak>,
}

impl Moment {
    pub(super) fn of(tape: &Tape<'_>, at: Millis) -> Result<Self, ReadError> {
        let mut moment = Self { at, ..Self::default() };
        let from = at.saturating_sub(RECENT_MS);
        let state = tape.run(&Twist::default(), at, &mut |stepped| {
            for (zone, group, channel) in stepped.effects.iter().filter_map(held) {
                moment.by.insert((zone.into(), group.into()), channel.into());
            }
            if let Input::Reading {
                channel,
                value: Ok(value),
                ..
            } = stepped.input
            {
                let known = stepped.state.site().channels.get(channel.at());
                if known.is_some_and(|c| (c.range.0..=c.range.1).contains(value)) {
                    note(&mut moment.peaks, channel.0, *value);
                    if stepped.at >= from {
                        note(&mut moment.recent, channel.0, *value);
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        moment.state = state;
        Ok(moment)
    }
}

fn note(peaks: &mut BTreeMap<u32, Peak>, channel: u32, value: Micro) {
    let peak = peaks.entry(channel).or_insert(Peak {
        low: value,
        high: value,
    });
    (peak.low, peak.high) = (peak.low.min(value), peak.high.max(value));
}
