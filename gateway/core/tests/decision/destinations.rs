//! Where workloads go: room that is checked, reserved and released; destinations with a vote of their own; latest starts.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers as well")]
use crate::stand::{MINUTE, SECOND, Stand, rung, site, workload};
use muster_core::{Destination, Elsewhere, HookOutcome, Input, Phase, RungKind, Site, StepEnd, Verb, WorkloadView};

fn lost() -> Elsewhere {
    Elsewhere::Lost {
        why: "smoke in its hall".into(),
    }
}

fn room(units: u32) -> Elsewhere {
    Elsewhere::Room { units: Some(units) }
}

/// `count` workloads that move to `far`, fail over to `near` or stop; lanes for all of them.
fn with(count: u16, far: Option<u32>, near: Option<u32>) -> Site {
    let mut site = site();
    (site.hooks[0].max_parallel, site.hooks[1].max_parallel) = (64, 64);
    site.destinations = [("far", far), ("near", near)]
        .map(|(id, room)| Destination { id: id.into(), room })
        .to_vec();
    site.workloads = (0..count)
        .map(|i| workload(&format!("w{i}"), 1 + i as u8, &[]))
        .collect();
    for w in &mut site.workloads {
        w.rungs[1].to = Some("near".into());
    }
    site
}

fn says(stand: &mut Stand, id: &str, says: Elsewhere) {
    let id = id.into();
    stand.input(&Input::Destination { id, says });
}

/// Evacuate steps called, in order.
fn begun(stand: &Stand) -> Vec<String> {
    let called = stand.called().into_iter().filter(|s| s.contains(".evacuate"));
    called.map(|s| s.replace(".evacuate", "")).collect()
}

fn shown(stand: &Stand, id: &str) -> WorkloadView {
    let workloads = stand.view().incident.unwrap().workloads;
    workloads.into_iter().find(|w| w.id == id).unwrap()
}

#[test]
fn who_comes_first_has_the_room_and_the_others_take_the_next_rung() {
    let mut stand = Stand::new(with(4, Some(2), Some(1)));
    stand.fire();
    assert_eq!(
        begun(&stand),
        ["w0.move.far", "w1.move.far", "w2.failover.near", "w3.stop"]
    );
    let prepared: Vec<_> = stand.called().into_iter().filter(|s| s.contains("prepare")).collect();
    assert_eq!(prepared.len(), 4);
    assert!(
        prepared.contains(&"w2.failover.prepare.near".to_owned()),
        "room is reserved where it is: {prepared:?}"
    );
    let said = stand
        .events
        .iter()
        .any(|e| e.subject == "w2" && e.line == "no room is left at far: failover instead");
    assert!(said);
    let taken: Vec<_> = stand.view().destinations.iter().map(|d| (d.room, d.taken)).collect();
    assert_eq!(taken, [(Some(2), 2), (Some(1), 1)]);
}

#[test]
fn larger_workloads_take_more_room() {
    let mut file = with(3, Some(3), Some(0));
    file.workloads[0].room = 2;
    file.workloads[1].room = 2;
    let mut stand = Stand::new(file);
    stand.fire();
    assert_eq!(
        begun(&stand),
        ["w0.move.far", "w1.stop", "w2.move.far"],
        "the third one fits beside the first"
    );
}

#[test]
fn room_is_released_when_a_step_cannot_and_kept_while_it_runs_or_is_there() {
    let mut file = with(2, Some(1), Some(9));
    file.hooks[0].max_parallel = 1;
    let mut stand = Stand::new(file);
    stand.alarm(0);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    stand.alarm(1);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    assert_eq!(begun(&stand), ["w0.move.far"]);
    assert_eq!(
        (shown(&stand, "w1").rung, shown(&stand, "w1").why),
        (RungKind::Failover, "no room is left at far".into())
    );
    stand.answer("w0.move.evacuate.far", HookOutcome::Cannot { note: "no".into() });
    stand.wait(SECOND);
    stand.done("w0.failover.evacuate.near");
    stand.done("w0.failover.verify.near");
    stand.wait(SECOND);
    assert_eq!(
        begun(&stand)[2],
        "w1.move.far",
        "what is no longer taken is there for the next"
    );
    stand.done("w1.move.evacuate.far");
    stand.done("w1.move.verify.far");
    assert_eq!(stand.view().destinations[0].taken, 1, "it is there");
}

#[test]
fn told_room_counts_beside_the_declared_and_what_has_arrived_is_not_counted_twice() {
    let mut stand = Stand::new(with(3, Some(3), Some(9)));
    says(&mut stand, "far", room(1));
    stand.fire();
    assert_eq!(begun(&stand), ["w0.move.far", "w1.failover.near", "w2.failover.near"]);
    stand.done("w0.move.evacuate.far");
    stand.done("w0.move.verify.far");
    says(&mut stand, "far", room(0));
    assert_eq!(
        (stand.view().destinations[0].room, stand.view().destinations[0].taken),
        (Some(1), 1)
    );
    says(&mut stand, "far", room(9));
    assert_eq!(stand.view().destinations[0].room, Some(3), "never more than declared");
    says(&mut stand, "far", Elsewhere::Room { units: None });
    assert_eq!(stand.view().destinations[0].room, Some(3));
}

#[test]
fn a_destination_with_a_vote_is_left_at_once() {
    let mut stand = Stand::new(with(3, None, None));
    let mut file = stand.file.clone();
    file.hooks[0].max_parallel = 2;
    stand.reload(file).unwrap();
    stand.fire();
    stand.wait(SECOND);
    assert_eq!(begun(&stand), ["w0.move.far", "w1.move.far"]);
    stand.done("w0.move.evacuate.far");
    stand.done("w0.move.verify.far");
    stand.wait(SECOND);
    assert_eq!(begun(&stand)[2], "w2.move.far");
    says(&mut stand, "far", lost());
    assert_eq!(stand.ended("w1.move.evacuate.far"), Some(StepEnd::Superseded));
    assert_eq!(stand.ended("w2.move.evacuate.far"), Some(StepEnd::Superseded));
    for step in ["w1.move.evacuate.far", "w2.move.evacuate.far"] {
        assert!(stand.cancelled.contains(&step.to_owned()), "{step}");
    }
    assert_eq!(begun(&stand)[3..], ["w1.failover.near", "w2.failover.near"]);
    assert_eq!(stand.workload("w0"), "moved", "what is there, its own gateway sees to");
    let mut again = stand.restart(u64::MAX);
    assert!(again.view().destinations[0].lost.is_some(), "it is not forgotten");
    says(&mut again, "far", Elsewhere::Well);
    assert_eq!(again.view().destinations[0].lost, None);
}

#[test]
fn a_last_rung_to_a_place_with_a_vote_waits_and_goes_once_it_is_well() {
    let mut file = with(1, None, None);
    file.workloads[0].rungs.truncate(1);
    file.workloads[0].rungs.push(rung(RungKind::Failover, 1, 20));
    file.workloads[0].rungs[1].to = Some("far".into());
    let mut stand = Stand::new(file);
    stand.fire();
    says(&mut stand, "near", lost());
    says(&mut stand, "far", lost());
    stand.wait(10 * MINUTE);
    assert_eq!(begun(&stand), ["w0.move.far"], "not even the last rung goes there");
    assert!(
        shown(&stand, "w0").why.contains("smoke in its hall"),
        "{:?}",
        shown(&stand, "w0")
    );
    says(&mut stand, "far", Elsewhere::Well);
    stand.wait(SECOND);
    assert_eq!(begun(&stand).last().unwrap(), "w0.failover.far");
}

#[test]
fn with_every_destination_lost_what_runs_goes_on_until_its_runway_ends() {
    let mut file = with(3, None, None);
    file.hooks[1].max_parallel = 1;
    let mut stand = Stand::new(file);
    stand.alarm(0);
    says(&mut stand, "far", lost());
    says(&mut stand, "near", lost());
    let said = stand
        .events
        .iter()
        .filter(|e| e.line.contains("every destination"))
        .count();
    assert_eq!(said, 1);
    stand.alarm(1);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    // 480 s of prior, three stops of 20 s on one lane: 420, 440, 460.
    let mut began = Vec::new();
    while stand.now < 480 * SECOND {
        stand.wait(SECOND);
        for step in begun(&stand).into_iter().skip(began.len()) {
            began.push((stand.now / SECOND, step));
        }
        for id in ["w0", "w1", "w2"] {
            let step = format!("{id}.stop.evacuate");
            let due = began
                .iter()
                .any(|(at, s)| *s == format!("{id}.stop") && stand.now / SECOND == at + 19);
            if due {
                stand.done(&step);
                stand.done(&format!("{id}.stop.verify"));
            }
        }
    }
    let expected = [(420, "w0.stop"), (440, "w1.stop"), (460, "w2.stop")];
    assert_eq!(began, expected.map(|(at, s)| (at, s.to_owned())));
    assert_eq!(stand.workload("w2"), "stopped");
}

#[test]
fn one_destination_that_is_well_again_is_gone_to_at_once() {
    let mut stand = Stand::new(with(1, None, None));
    says(&mut stand, "far", lost());
    says(&mut stand, "near", lost());
    stand.fire();
    stand.wait(MINUTE);
    assert!(begun(&stand).is_empty());
    says(&mut stand, "near", Elsewhere::Well);
    assert_eq!(begun(&stand), ["w0.failover.near"]);
}

#[test]
fn what_is_heard_of_places_that_nobody_goes_to_changes_nothing() {
    let mut stand = Stand::new(with(1, None, None));
    let digest = stand.state.digest();
    for odd in [lost(), Elsewhere::Well, room(3)] {
        let out = stand.input(&Input::Destination {
            id: "mars".into(),
            says: odd,
        });
        assert!(out.is_empty());
    }
    assert_eq!(stand.state.digest(), digest);
}

#[test]
fn an_aborted_evacuation_leaves_a_lost_destination_too() {
    let mut stand = Stand::new(with(1, None, None));
    stand.both(Verb::Evacuate);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    stand.wait(2 * SECOND);
    stand.both(Verb::Abort);
    says(&mut stand, "far", lost());
    assert_eq!(stand.ended("w0.move.evacuate.far"), Some(StepEnd::Superseded));
    stand.wait(10 * MINUTE);
    assert_eq!(begun(&stand), ["w0.move.far"], "and nothing begins");
}

#[test]
fn the_latest_start_counts_lanes_and_what_waits_behind() {
    // 480 s; moves of 100 s on one lane; `b` after `a`.
    let mut file = with(3, None, None);
    file.hooks[0].max_parallel = 1;
    file.workloads = vec![workload("a", 1, &[]), workload("b", 1, &[0]), workload("c", 2, &[])];
    let mut stand = Stand::new(file);
    stand.alarm(0);
    let latest = |id: &str| shown(&stand, id).latest_start.unwrap() / SECOND;
    assert_eq!((latest("a"), latest("b"), latest("c")), (180, 280, 380));
}

#[test]
fn nothing_that_begins_by_its_latest_start_is_late() {
    let mut file = with(4, None, None);
    (file.hooks[0].max_parallel, file.priors.loss_earliest_ms) = (2, 300 * SECOND);
    let mut stand = Stand::new(file);
    stand.alarm(0);
    let incident = stand.view().incident.unwrap();
    for w in incident.workloads {
        let latest = w.latest_start.unwrap();
        assert!((0..=200 * SECOND).contains(&latest), "{} by {latest}", w.id);
    }
}

#[test]
fn what_is_put_off_until_its_latest_start_can_be_held_before_that() {
    let mut stand = Stand::new(with(1, None, None));
    for id in ["far", "near"] {
        says(&mut stand, id, lost());
    }
    stand.fire();
    assert!(begun(&stand).is_empty(), "stopped only when its runway ends");
    assert_eq!(stand.order(crate::stand::ANN, Verb::Hold), muster_core::Verdict::Taken);
    stand.wait(20 * SECOND);
    assert!(stand.view().orders.iter().any(|o| o.verb == "hold"), "it lasts");
}

/// What is known of a destination is known under the next config as well, whatever else that changes.
#[test]
fn a_destination_that_burns_is_lost_over_a_reload() {
    let mut file = with(1, Some(9), Some(9));
    let mut stand = Stand::new(file.clone());
    says(&mut stand, "far", lost());
    says(&mut stand, "near", room(5));
    file.workloads.push(workload("late", 3, &[]));
    file.destinations.insert(
        0,
        Destination {
            id: "another".into(),
            room: None,
        },
    );
    assert_eq!(stand.reload(file), Ok(()));
    let known: Vec<_> = stand
        .view()
        .destinations
        .into_iter()
        .map(|d| (d.id, d.room, d.lost))
        .collect();
    let burns = Some("smoke in its hall".to_owned());
    assert_eq!(
        known,
        [
            ("another".to_owned(), None, None),
            ("far".to_owned(), Some(9), burns),
            ("near".to_owned(), Some(5), None)
        ]
    );
    stand.fire();
    assert_eq!(begun(&stand)[0], "w0.failover.near");
}

#[test]
fn a_destination_is_lost_once() {
    let mut stand = Stand::new(with(1, None, None));
    (0..3).for_each(|_| says(&mut stand, "far", lost()));
    let lost = |e: &&muster_core::Entry| matches!(e.record, muster_core::Record::DestinationLost { .. });
    assert_eq!(stand.entries.iter().filter(lost).count(), 1);
}

/// `count` workloads without a stop: `far`, else `near`.
fn without_a_stop(count: u16, near: Option<u32>) -> Site {
    let mut file = with(count, None, near);
    file.workloads.iter_mut().for_each(|w| w.rungs.truncate(2));
    file
}

/// It was given up for a rung that nothing could be begun of, and was left with nothing.
#[test]
fn what_is_under_way_goes_on_past_its_runway_where_nothing_may_go_below() {
    let mut stand = Stand::new(without_a_stop(1, None));
    says(&mut stand, "near", lost());
    stand.fire();
    stand.wait(30 * MINUTE);
    assert_eq!(stand.ended("w0.move.evacuate.far"), None, "it is all there is");
    assert!(stand.attempts("w0.move.evacuate.far") > 50, "and is asked for ever");
    stand.done("w0.move.evacuate.far");
    stand.wait(MINUTE);
    assert_eq!(stand.ended("w0.move.verify.far"), None, "nor is its probe given up");
    stand.done("w0.move.verify.far");
    assert_eq!(stand.workload("w0"), "moved");
}

/// As soon as something may be gone to, what is late gives way to it, and not before its reserve begins.
#[test]
fn a_rung_below_that_is_well_again_counts_at_once() {
    let mut stand = Stand::new(without_a_stop(1, None));
    says(&mut stand, "near", lost());
    stand.fire();
    stand.wait(415 * SECOND - stand.now);
    says(&mut stand, "near", Elsewhere::Well);
    assert_eq!(stand.ended("w0.move.evacuate.far"), None);
    stand.wait(420 * SECOND - stand.now);
    assert_eq!(stand.ended("w0.move.evacuate.far"), Some(StepEnd::Superseded));
    assert_eq!(
        begun(&stand),
        ["w0.move.far", "w0.failover.near"],
        "60 s are left for it"
    );
}

#[test]
fn where_the_last_rung_is_lost_the_one_above_it_is_fallen_back_on_while_it_has_room() {
    let mut file = with(2, None, Some(1));
    for w in &mut file.workloads {
        w.rungs[2].to = Some("mars".into());
    }
    let mut stand = Stand::new(file);
    says(&mut stand, "mars", lost());
    stand.fire();
    stand.wait(419 * SECOND - stand.now);
    assert_eq!(begun(&stand), ["w0.move.far", "w1.move.far"]);
    stand.wait(SECOND);
    assert_eq!(stand.ended("w0.move.evacuate.far"), Some(StepEnd::Superseded));
    stand.wait(30 * MINUTE);
    assert_eq!(stand.ended("w1.move.evacuate.far"), None, "there was room for one");
}

#[test]
fn what_has_to_leave_a_place_and_has_nowhere_to_go_waits_for_either_place() {
    for well in ["far", "near"] {
        let mut stand = Stand::new(without_a_stop(1, None));
        says(&mut stand, "near", lost());
        stand.fire();
        says(&mut stand, "far", lost());
        assert_eq!(stand.ended("w0.move.evacuate.far"), Some(StepEnd::Withdrawn));
        stand.wait(MINUTE);
        assert_eq!(begun(&stand), ["w0.move.far"]);
        says(&mut stand, well, Elsewhere::Well);
        let next = if well == "far" {
            "w0.move.far"
        } else {
            "w0.failover.near"
        };
        assert_eq!(begun(&stand), ["w0.move.far", next]);
    }
}
