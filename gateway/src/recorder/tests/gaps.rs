//! A disk that does not keep up costs inputs, says how many, and never makes the engine wait.

use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;

use muster_core::{Input, State};
use tempfile::TempDir;

use super::super::tape::{self, Begin, End, Parcel, WAITING};
use super::super::{Bounds, Moment, Tape};
use super::rig::{Rig, moments, reading, site};
use crate::clock::{Clock, Stopwatch};
use crate::replay::recording::{Joins, replay};

/// What one turn of the engine's loop takes at most: 64 packs of 50.
const A_TURN: u64 = 3_200;

fn turn(tape: &mut Tape, state: &State) -> Option<Input> {
    (0..A_TURN).for_each(|_| tape.take(0, &reading(0, 1), &[]));
    tape.hand_over(state)
}

/// Fills the queue that nobody reads; how many inputs were taken, those that found no room included.
fn fill(tape: &mut Tape, state: &State) -> u64 {
    let since = Stopwatch::start();
    for turns in 1..1_000 {
        if let Some(told) = turn(tape, state) {
            assert!(since.elapsed() < Duration::from_secs(5), "the engine never waits");
            assert!(matches!(told, Input::Own { part, trouble: Some(_) } if part == "recorder"));
            return turns * A_TURN;
        }
    }
    panic!("the queue has a bound");
}

/// Inputs in the parcels, and the bytes they are said to take.
fn contents(parcels: &[Parcel]) -> (u64, usize) {
    let batches = parcels.iter().filter_map(|p| match p {
        Parcel::Batch(batch, bytes) => Some((batch.inputs(), *bytes)),
        _ => None,
    });
    batches.fold((0, 0), |(inputs, bytes), (i, b)| (inputs + i, bytes + b))
}

fn beginnings(parcels: &[Parcel]) -> Vec<&Begin> {
    let begins = parcels.iter().filter_map(|p| match p {
        Parcel::Begin(begin) => Some(&**begin),
        _ => None,
    });
    begins.collect()
}

/// As the recorder's thread does, once it has written them.
fn written(end: &End, parcels: &[Parcel]) {
    end.shared.waiting.fetch_sub(contents(parcels).1, Ordering::Relaxed);
    if !beginnings(parcels).is_empty() {
        end.shared.has_state.store(false, Ordering::Relaxed);
    }
}

#[test]
fn a_full_queue_is_a_gap_with_its_number_and_a_new_state() {
    let (mut tape, end) = tape::pair(Clock::starting_at(0));
    let state = State::new();
    tape.begin(&state);
    let taken = fill(&mut tape, &state);
    assert!(tape.waiting() <= WAITING + 256 * 1_024, "{} bytes wait", tape.waiting());
    for _ in 0..5 {
        tape.take(0, &reading(0, 1), &[]);
        assert!(tape.hand_over(&state).is_none(), "said once");
    }
    // The disk is back: more than half of the queue is written.
    let first: Vec<Parcel> = end.parcels.try_iter().take(80).collect();
    written(&end, &first);
    tape.take(0, &reading(0, 1), &[]);
    assert!(tape.hand_over(&state).is_none());
    let rest: Vec<Parcel> = end.parcels.try_iter().collect();
    let begin = beginnings(&rest).pop().expect("a new segment begins");
    let recorded = contents(&first).0 + contents(&rest).0;
    assert_eq!(
        begin.lost,
        Some(taken - recorded + 6),
        "every input is written or counted"
    );
    assert_eq!(begin.state, state);
}

/// A disk that stands still for so long costs a site of 100,000 channels at 1 Hz nothing: the beginning of a segment takes
/// less.
#[test]
fn the_queue_holds_four_seconds_of_the_largest_site() {
    let (mut tape, _end) = tape::pair(Clock::starting_at(0));
    assert!(fill(&mut tape, &State::new()) >= 400_000);
}

/// There is memory for one state of a large site, not for a queue of them.
#[test]
fn no_state_is_copied_while_another_is_being_written() {
    let (mut tape, end) = tape::pair(Clock::starting_at(0));
    let state = State::new();
    tape.begin(&state);
    end.shared.wants_state.store(true, Ordering::Relaxed);
    tape.take(0, &reading(0, 1), &[]);
    assert!(tape.hand_over(&state).is_none());
    let parcels: Vec<Parcel> = end.parcels.try_iter().collect();
    assert_eq!((beginnings(&parcels).len(), contents(&parcels).0), (1, 1));
    written(&end, &parcels);
    tape.hand_over(&state);
    assert_eq!(
        beginnings(&end.parcels.try_iter().collect::<Vec<_>>()).len(),
        1,
        "then the one that was wanted"
    );
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

/// Slots are as bounded as bytes: a quiet site's parcels are small.
#[test]
fn small_parcels_find_the_same_bound() {
    let (mut tape, end) = tape::pair(Clock::starting_at(0));
    let state = State::new();
    tape.begin(&state);
    let decided = [muster_core::Effect::Fault("x".into())];
    let mut parcels = 0;
    while tape.hand_over(&state).is_none() {
        tape.take(0, &reading(0, 1), &decided);
        parcels += 1;
        assert!(parcels < 10_000, "the queue has a bound");
    }
    assert_eq!(parcels, 4_097, "the last found no room");
    let told: Vec<Parcel> = end.parcels.try_iter().collect();
    assert_eq!((beginnings(&told).len(), contents(&told).0), (1, 4_096));
}
