use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use muster_core::{Millis, State};
use tempfile::TempDir;

use super::{Change, Course, Explanation, Goal, Stretch, Tape, Twist, USUAL_BUDGET, WhatIf, explain, stretches};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::incident::{self, Incident, Stage};
use crate::recorder::{self, Bounds, Place};

const MINUTE: Millis = 60_000;
/// Of the first vote, and of the second one, in the room as built.
const FIRST: Millis = 61_200;
const SECOND: Millis = 7 * MINUTE + 1_000;

fn pangyo() -> (Incident, Vec<Stage>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios/pangyo-2022.txt");
    let mut incident = incident::load(&path).unwrap();
    incident.end = 12 * MINUTE;
    let stages = incident.stages().unwrap();
    (incident, stages)
}

/// What a flight recorder would have kept of a room, in many segments.
fn recorded(tape: &Tape<'_>, folder: &Path) -> Vec<PathBuf> {
    let place = Place {
        folder: folder.to_owned(),
        site: "s".into(),
    };
    let bounds = Bounds {
        segment: 150_000,
        ..Bounds::default()
    };
    let clock = Clock::starting_at(0);
    let report = Box::new(|trouble| panic!("{trouble:?}"));
    let mut recorder = recorder::start(place, bounds, clock.clone(), Counters::default(), report).unwrap();
    recorder.begin(&State::new());
    let mut before = 0;
    let end = tape.run(&Twist::default(), Millis::MAX, &mut |stepped| {
        clock.advance_ms(stepped.at - before);
        recorder.take(stepped.at, stepped.input, stepped.effects);
        if stepped.at != before {
            recorder.hand_over(stepped.state);
        }
        before = stepped.at;
        while recorder.waiting() > 64 << 10 {
            std::thread::yield_now();
        }
        ControlFlow::Continue(())
    });
    recorder.hand_over(&end.unwrap());
    recorder.stop();
    recorder::segments_in(folder).unwrap()
}

fn at(tape: &Tape<'_>, at: Millis) -> Explanation {
    explain(tape, &Course::of(tape).unwrap(), at, None, USUAL_BUDGET).unwrap()
}

fn outcomes(found: &Explanation) -> Vec<(Goal, Vec<WhatIf>)> {
    found.answers.iter().map(|a| (a.goal, a.what_ifs.clone())).collect()
}

#[test]
fn a_recording_explains_itself_as_the_room_does_that_was_recorded() {
    let (incident, stages) = pangyo();
    let room = Tape::Room(&incident, &stages[0]);
    let folder = TempDir::new().unwrap();
    let paths = recorded(&room, folder.path());
    assert!(paths.len() > 2, "{paths:?}");
    let found = stretches(&paths).unwrap();
    let [stretch] = &found[..] else {
        panic!("one unbroken stretch: {found:?}")
    };
    let tape = Tape::Stretch(stretch);
    for moment in [0, FIRST, 3 * MINUTE, SECOND, 11 * MINUTE] {
        let (of_room, of_tape) = (at(&room, moment), at(&tape, moment));
        assert_eq!(of_room.view, of_tape.view);
        assert_eq!(of_room.moment.recent, of_tape.moment.recent);
        assert_eq!(outcomes(&of_room), outcomes(&of_tape), "at {moment}");
    }
    begun_in_the_middle(&room, &paths);
    torn(&paths, folder.path());
}

/// Only the last segments are left: what came before is in the state, and nothing can change it.
fn begun_in_the_middle(room: &Tape<'_>, paths: &[PathBuf]) {
    let found = stretches(&paths[paths.len() - 1..]).unwrap();
    let tape = Tape::Stretch(&found[0]);
    let (from, to) = tape.span();
    assert!(from > SECOND && to > from);
    let explained = at(&tape, to);
    assert_eq!(explained.view.zones, at(room, to).view.zones);
    assert!(
        explained.answers.iter().all(|a| a.goal == Goal::None),
        "{:?}",
        explained.answers
    );
}

/// A segment that was cut off is read as far as it goes, and says so; one that is missing is a gap.
fn torn(paths: &[PathBuf], folder: &Path) {
    let gap = [&paths[..1], &paths[2..]].concat();
    assert_eq!(stretches(&gap).unwrap().len(), 2);
    let bytes = std::fs::read(&paths[0]).unwrap();
    let cut = folder.join("00000001.seg");
    for length in (0..bytes.len()).step_by(bytes.len() / 40) {
        std::fs::write(&cut, &bytes[..length]).unwrap();
        let Ok(found) = stretches(std::slice::from_ref(&cut)) else {
            continue;
        };
        for stretch in &found {
            let tape = Tape::Stretch(stretch);
            let found = at(&tape, stretch.to);
            assert_eq!(found.view.zones.len(), 2);
            assert!(stretch.tear.is_some() || length == bytes.len(), "{length}");
        }
    }
}

#[test]
fn the_clock_of_a_recording_is_followed_where_it_was_set() {
    let stretch = Stretch {
        from: 1_000,
        to: 9_000,
        // Set back by two seconds at 5 s, forward by ten at 7 s.
        marks: vec![(1_000, 101_000), (5_000, 103_000), (7_000, 115_000)],
        ..Stretch::default()
    };
    let tape = Tape::Stretch(&stretch);
    assert_eq!(tape.engine(104_000), Some(4_000), "the first of two");
    assert_eq!(tape.engine(110_000), None, "was skipped");
    assert_eq!(tape.engine(116_000), Some(8_000));
    assert_eq!((tape.engine(100_999), tape.engine(117_001)), (None, None), "outside");
    for at in [1_000, 4_999, 5_000, 6_999, 7_000, 9_000] {
        let wall_ms = tape.wall_ms(at);
        assert!(
            tape.engine(wall_ms).is_some_and(|first| tape.wall_ms(first) == wall_ms),
            "{at}"
        );
    }
}

/// The nearest limit is the nearest one: a step closer to what it was, and it would not have done.
#[test]
fn a_limit_is_the_smallest_change_that_would_have_done() {
    let (mut incident, stages) = pangyo();
    // The contact that cast the second vote stays off: now the temperature is what is near.
    let stage = &stages[0];
    let over = stage
        .config
        .site
        .channels
        .iter()
        .position(|c| c.id == "ups-1.battery_over_temperature")
        .unwrap();
    let cold = incident
        .points
        .iter()
        .filter(|p| p.channel != "ups-1.battery_over_temperature");
    incident.points = cold.cloned().collect();
    let stages = incident.stages().unwrap();
    let tape = Tape::Room(&incident, &stages[0]);
    assert!(stages[0].config.site.channels[over].alarm.is_some());
    let moment = 6 * MINUTE + 30_000;
    let found = at(&tape, moment);
    let limits = found.answers[0].what_ifs.iter().filter_map(|w| match &w.change {
        Change::Limit { channel, from, to, .. } => Some((channel.clone(), *from, *to, w)),
        _ => None,
    });
    let (channel, from, to, what_if) = limits
        .clone()
        .next()
        .unwrap_or_else(|| panic!("{:?}", found.answers[0]));
    assert_eq!(channel, "ups-1.battery_temperature");
    assert!(to < from && what_if.at.is_some_and(|then| (FIRST..=moment).contains(&then)));
    let ix = stages[0]
        .config
        .site
        .channels
        .iter()
        .position(|c| c.id == channel)
        .unwrap();
    let step = Twist::limit(muster_core::ChannelIx(ix as u32), muster_wire::Micro(to.0 + 500_000));
    let mut evacuated = false;
    tape.run(&step, moment, &mut |stepped| {
        evacuated |= stepped.state.level() == muster_core::Level::Evacuate;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(!evacuated, "{to} is not the nearest one");
}

#[test]
fn work_is_bounded_and_says_so() {
    let (incident, stages) = pangyo();
    let tape = Tape::Room(&incident, &stages[0]);
    let course = Course::of(&tape).unwrap();
    let found = explain(&tape, &course, 11 * MINUTE, None, 0).unwrap();
    assert!(
        found
            .answers
            .iter()
            .all(|a| a.cut_short && a.what_ifs.is_empty() && a.tried == 0)
    );
}
