//! A disk that does not keep up costs inputs, says how many, and never makes the engine wait.

use std::sync::mpsc;
use std::time::Duration;

use muster_core::{Input, State};
use tempfile::TempDir;

use super::super::tape::{self, Parcel};
use super::super::{Bounds, Moment, Tape};
use super::rig::{Rig, moments, reading, site};
use crate::clock::{Clock, Stopwatch};
use crate::replay::recording::{Joins, replay};

/// Fills the queue that nobody reads; how many inputs were taken, the one that found no room included.
fn fill(tape: &mut Tape, state: &mut State) -> u64 {
    let since = Stopwatch::start();
    for taken in 1..1_000 {
        let (input, mut effects) = (Input::Config(Box::new(site())), Vec::new());
        muster_core::step(state, 0, &input, &mut effects);
        // Something decided, so that every turn is a parcel.
        tape.take(0, &input, &[muster_core::Effect::Fault("x".into())]);
        if let Some(told) = tape.hand_over(state) {
            assert!(since.elapsed() < Duration::from_secs(5), "the engine never waits");
            assert!(matches!(told, Input::Own { part, trouble: Some(_) } if part == "recorder"));
            return taken;
        }
    }
    panic!("the queue has a bound");
}

fn batches(parcels: &[Parcel]) -> u64 {
    parcels.iter().filter(|p| matches!(p, Parcel::Batch(_))).count() as u64
}

#[test]
fn a_full_queue_is_a_gap_with_its_number_and_a_new_state() {
    let (mut tape, end) = tape::pair(Clock::starting_at(0));
    let mut state = State::new();
    tape.begin(&state);
    let taken = fill(&mut tape, &mut state);
    for _ in 0..5 {
        tape.take(0, &reading(0, 1), &[]);
        assert!(tape.hand_over(&state).is_none(), "said once");
    }
    // The disk is back: more than half of the queue is written.
    let first: Vec<Parcel> = end.parcels.try_iter().take(40).collect();
    end.shared.waiting.fetch_sub(40, std::sync::atomic::Ordering::Relaxed);
    tape.take(0, &reading(0, 1), &[]);
    assert!(tape.hand_over(&state).is_none());
    let rest: Vec<Parcel> = end.parcels.try_iter().collect();
    let begin = rest.iter().find_map(|p| match p {
        Parcel::Begin(begin) => Some(begin),
        _ => None,
    });
    let begin = begin.expect("a new segment begins");
    let written = batches(&first) + batches(&rest);
    assert_eq!(
        begin.lost,
        Some(taken - written + 6),
        "every input is written or counted"
    );
    assert_eq!(begin.state, state);
}

#[test]
fn a_folder_that_cannot_be_written_is_trouble_and_recording_goes_on_once_it_can() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("flight");
    // A file where the folder should be.
    std::fs::write(&place, "").unwrap();
    let (tell, told) = mpsc::sync_channel(64);
    let report = Box::new(move |trouble| drop(tell.send(trouble)));
    let mut rig = Rig::start_at(&place, site(), Bounds::default(), 0, report);
    rig.hand_over();
    let soon = Duration::from_secs(20);
    assert!(told.recv_timeout(soon).unwrap().unwrap().contains("cannot write"));
    std::fs::remove_file(&place).unwrap();
    let since = Stopwatch::start();
    let recovered = loop {
        rig.read(0, 0);
        rig.hand_over();
        if let Ok(told) = told.recv_timeout(Duration::from_millis(50)) {
            break told;
        }
        assert!(since.elapsed() < soon, "it tries again");
    };
    assert_eq!(recovered, None);
    rig.fire();
    let paths = rig.stop();
    let recording = replay(&paths).unwrap();
    assert_eq!(recording.divergences, []);
    let lost = recording.segments[0].head.lost.unwrap();
    assert!(lost >= 2, "config and journal were not recorded: {lost}");
    assert!(matches!(recording.segments[0].joins, Joins::Gap(_)));
    assert!(moments(&paths[0]).0.iter().any(|m| matches!(m, Moment::Effects(_))));
}
