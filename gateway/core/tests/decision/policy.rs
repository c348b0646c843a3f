//! Votes, levels, orders and both clocks.
use crate::stand::{ANN, BOB, EVE, MINUTE, SECOND, Stand, site};
use muster_core::{Input, Level, Millis, Phase, Record, Site, Verb, Verdict};
use muster_wire::Micro;

fn vote(zone: &str, group: &str, held: bool) -> (String, String, bool) {
    (zone.into(), group.into(), held)
}

/// Everything calm, sampled, for a while.
fn calm(stand: &mut Stand, ms: Millis) {
    let all: Vec<(u32, i64)> = (0..8).map(|c| (c, 0)).collect();
    stand.keep(&all, ms);
}

#[test]
fn one_vote_prepares_and_a_second_of_another_group_evacuates() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    assert_eq!((stand.zone(0), stand.level()), (Level::Prepare, Level::Prepare));
    assert_eq!(stand.view().incident.unwrap().id, "s-1");
    stand.alarm(5);
    assert_eq!(stand.votes(), [vote("a", "n1", true)], "the same group votes once");
    assert_eq!(stand.level(), Level::Prepare);
    stand.alarm(1);
    assert_eq!((stand.zone(0), stand.level()), (Level::Evacuate, Level::Evacuate));
}

#[test]
fn zones_count_together_only_if_adjacent() {
    // (first channel, second channel, together)
    for (a, b, together) in [
        (0, 1, true),
        (0, 2, true),
        (0, 3, true),
        (1, 2, false),
        (0, 4, false),
        (3, 4, false),
    ] {
        let mut stand = Stand::new(site());
        stand.alarm(a);
        stand.alarm(b);
        let expected = if together { Level::Evacuate } else { Level::Prepare };
        assert_eq!(stand.level(), expected, "{a} and {b}");
    }
}

#[test]
fn a_single_group_site_evacuates_on_one() {
    let mut site = site();
    site.single_group = true;
    let mut stand = Stand::new(site);
    stand.alarm(4);
    assert_eq!((stand.zone(2), stand.zone(0)), (Level::Evacuate, Level::Normal));
}

#[test]
fn a_vote_returns_after_half_an_hour_below_clear_and_stays_latched() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.settle_at(0, 9);
    // The third sample below clear comes after 10 s.
    calm(&mut stand, 30 * MINUTE + 9 * SECOND);
    assert_eq!(stand.votes(), [vote("a", "n1", true)]);
    calm(&mut stand, SECOND);
    assert_eq!(stand.votes(), [vote("a", "n1", false)]);
    calm(&mut stand, 48 * 60 * MINUTE);
    assert_eq!(stand.votes(), [vote("a", "n1", false)]);
    assert_eq!(stand.zone(0), Level::Prepare, "latched");
}

#[test]
fn between_set_and_clear_a_vote_does_not_return() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.settle_at(0, 0);
    let mid: Vec<(u32, i64)> = (0..8).map(|c| (c, if c == 0 { 9 } else { 0 })).collect();
    stand.keep(&mid, 40 * MINUTE);
    assert_eq!(stand.votes(), [vote("a", "n1", true)], "never below clear");
}

#[test]
fn a_fault_starts_the_half_hour_anew_and_every_channel_that_alarmed_counts() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.alarm(5);
    stand.settle_at(0, 0);
    calm(&mut stand, 20 * MINUTE);
    stand.sample(5, Err(muster_wire::Absence::Bus));
    calm(&mut stand, 29 * MINUTE);
    assert_eq!(stand.votes(), [vote("a", "n1", true)]);
    calm(&mut stand, 2 * MINUTE);
    assert_eq!(stand.votes(), [vote("a", "n1", false)]);
}

#[test]
fn returned_votes_count_within_half_an_hour_of_onset_only() {
    // (minutes of quiet between the first's end and the second's onset, evacuates)
    for (quiet, together) in [(0, true), (29, true), (31, false), (120, false)] {
        let mut stand = Stand::new(site());
        // A clock that has run for long: what counts is what lies between the two.
        stand.wait(600 * MINUTE);
        stand.alarm(0);
        calm(&mut stand, quiet * MINUTE);
        let held = stand.votes()[0].2;
        assert_eq!(held, quiet < 30);
        stand.alarm(1);
        assert_eq!(stand.level() == Level::Evacuate, together, "{quiet} min");
        let apart = format!(
            "does not count together with that of n1, which has returned and fell {quiet} min before (limit 30 min)"
        );
        let told = stand.events.iter().any(|e| e.line.contains(&apart));
        assert_eq!(told, !together, "{quiet} min: a refusal has its why");
    }
}

#[test]
fn both_held_count_however_far_apart_and_a_new_onset_is_a_new_vote() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.wait(5 * 60 * MINUTE);
    stand.alarm(1);
    assert_eq!(stand.level(), Level::Evacuate);

    let mut stand = Stand::new(site());
    stand.alarm(0);
    calm(&mut stand, 60 * MINUTE);
    stand.alarm(1);
    assert_eq!(stand.level(), Level::Prepare, "one returned, an hour apart");
    stand.alarm(0);
    assert_eq!(stand.level(), Level::Evacuate, "it alarms again");
}

#[test]
fn on_battery_prepares_without_an_incident() {
    let mut stand = Stand::new(site());
    stand.settle_at(6, 1);
    assert_eq!((stand.level(), stand.view().incident.is_none()), (Level::Prepare, true));
    assert!(stand.calls.is_empty() && stand.votes().is_empty());
    stand.settle_at(6, 0);
    assert_eq!(stand.zone(0), Level::Normal);
}

#[test]
fn two_persons_with_the_role_order_an_evacuation() {
    let mut stand = Stand::new(site());
    assert_eq!(stand.order(EVE, Verb::Evacuate), Verdict::Refused);
    assert_eq!(stand.order(ANN, Verb::Evacuate), Verdict::Pending);
    assert_eq!(
        stand.order(ANN, Verb::Evacuate),
        Verdict::Pending,
        "twice the same is one"
    );
    assert_eq!(stand.level(), Level::Watch, "zone c has one group");
    stand.wait(5 * MINUTE + 1);
    assert_eq!(
        stand.order(BOB, Verb::Evacuate),
        Verdict::Pending,
        "the first has lapsed"
    );
    assert_eq!(stand.order(ANN, Verb::Evacuate), Verdict::Taken);
    assert_eq!(stand.level(), Level::Evacuate);
    assert_eq!(stand.order(muster_core::PrincipalIx(99), Verb::Hold), Verdict::Refused);
}

#[test]
fn roles_decide_who_may_what() {
    let mut site = site();
    site.principals[0].roles = vec![muster_core::Role::Operator];
    site.principals[1].roles = vec![muster_core::Role::Safety];
    let mut stand = Stand::new(site);
    stand.fire();
    for (verb, operator) in [
        (Verb::Evacuate, true),
        (Verb::Abort, true),
        (Verb::Cut { at: 9_000_000 }, true),
        (Verb::Disarm, false),
        (Verb::Reset, false),
    ] {
        let (may, may_not) = if operator { (ANN, BOB) } else { (BOB, ANN) };
        assert_eq!(stand.order(may_not, verb), Verdict::Refused, "{verb:?}");
        let why = stand.answers.last().unwrap().why.clone();
        assert!(why.contains("role"), "{why}");
        // A reset is refused for another reason: a vote is held.
        let expected = match verb {
            Verb::Reset => Verdict::Refused,
            Verb::Cut { .. } => Verdict::Taken,
            _ => Verdict::Pending,
        };
        assert_eq!(stand.order(may, verb), expected, "{verb:?}");
    }
}

#[test]
fn a_cut_takes_two_who_agree_or_one_and_a_held_vote() {
    let mut stand = Stand::new(site());
    let cut = |s: i64| Verb::Cut { at: s * SECOND };
    assert_eq!(stand.order(ANN, cut(3_600)), Verdict::Pending);
    assert_eq!(stand.order(BOB, cut(3_661)), Verdict::Pending, "not the same cut");
    let waiting = stand.view().orders.remove(0);
    assert_eq!(
        (waiting.verb.as_str(), waiting.waits, waiting.by.as_deref()),
        ("cut", true, Some("bob"))
    );
    assert_eq!(
        (waiting.at, waiting.until),
        (Some(3_661 * SECOND), Some(stand.view().now + 5 * MINUTE))
    );
    assert_eq!(stand.order(ANN, cut(3_601)), Verdict::Taken);
    let standing = stand.view().orders.remove(0);
    assert_eq!(
        (standing.verb.as_str(), standing.waits, standing.until),
        ("cut", false, None)
    );
    assert_eq!(standing.at, Some(3_601 * SECOND), "the cut that was announced");
    assert_eq!(
        stand.view().runway.cut.unwrap().earliest,
        3_601_000,
        "the earlier of the two"
    );
    assert_eq!(stand.level(), Level::Evacuate);
    assert!(stand.view().runway.loss.is_none(), "an announced cut is no hazard");

    let mut stand = Stand::new(site());
    assert_eq!(stand.order(ANN, cut(0)), Verdict::Refused, "it has passed");
    stand.alarm(0);
    assert_eq!(stand.order(ANN, cut(3_600)), Verdict::Taken);
    assert_eq!(stand.level(), Level::Evacuate);

    let mut stand = Stand::new(site());
    stand.alarm(0);
    calm(&mut stand, 31 * MINUTE);
    assert_eq!(
        stand.order(ANN, cut(7_200)),
        Verdict::Pending,
        "a returned vote is not held"
    );
}

#[test]
fn a_hold_lasts_three_minutes_once_a_person_and_never_longer_than_the_slack() {
    let mut stand = Stand::new(site());
    assert_eq!(stand.order(ANN, Verb::Hold), Verdict::Refused, "nothing to hold");
    stand.alarm(0);
    stand.alarm(1);
    assert_eq!(stand.order(ANN, Verb::Hold), Verdict::Taken);
    let hold = stand.view().orders.remove(0);
    assert_eq!(
        (hold.verb.as_str(), hold.until),
        ("hold", Some(stand.view().now + 180 * SECOND))
    );
    stand.answer_all(Phase::Prepare, &muster_core::HookOutcome::Done);
    stand.wait(180 * SECOND - 1);
    assert!(!stand.called().iter().any(|s| s.contains("evacuate")));
    stand.wait(1);
    assert!(stand.called().contains(&"db.move.evacuate.far".to_string()));
    assert_eq!(stand.order(ANN, Verb::Hold), Verdict::Refused, "once a person");

    // 480 s to the prior's end, 100 s to move: with 120 s gone there are 260 s, with 350 s gone 30 s.
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.wait(350 * SECOND);
    stand.alarm(1);
    stand.order(BOB, Verb::Hold);
    let until = stand.entries.iter().rev().find_map(|e| match e.record {
        Record::OrderTaken { until, .. } => until,
        _ => None,
    });
    assert_eq!(until, Some(380 * SECOND));

    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.wait(500 * SECOND);
    stand.alarm(1);
    assert_eq!(stand.order(BOB, Verb::Hold), Verdict::Refused, "no slack at all");
}

/// A move that runs is given up when only its last rung still fits: 20 s before the prior's 480 s, and no hold lasts longer.
#[test]
fn a_hold_leaves_what_runs_the_time_of_its_last_rung() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.wait(340 * SECOND);
    stand.alarm(1);
    stand.answer_all(Phase::Prepare, &muster_core::HookOutcome::Done);
    stand.wait(SECOND);
    stand.answer_all(Phase::Evacuate, &muster_core::HookOutcome::Accepted);
    assert_eq!(stand.workload("db"), "moving");
    stand.wait(59 * SECOND);
    assert_eq!(stand.order(BOB, Verb::Hold), Verdict::Taken);
    assert_eq!(stand.view().orders.remove(0).until, Some(460 * SECOND));
}

/// What is heard later of how long power lasts counts for a hold that has begun.
#[test]
fn a_hold_ends_earlier_when_the_runway_does() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.alarm(1);
    assert_eq!(stand.order(ANN, Verb::Hold), Verdict::Taken);
    stand.wait(10 * SECOND);
    stand.settle_at(6, 1);
    // 100 s to move, of at most 150.
    stand.settle_at(7, 150);
    stand.wait(SECOND);
    let until = stand
        .view()
        .orders
        .iter()
        .find(|o| o.verb == "hold")
        .and_then(|o| o.until);
    assert!(until.is_none_or(|at| at <= stand.now + 50 * SECOND), "{until:?}");
    stand.wait(50 * SECOND);
    assert!(stand.called().iter().any(|step| step.contains("evacuate")));
}

#[test]
fn a_new_vote_ends_a_hold_and_an_abort() {
    for verb in [Verb::Hold, Verb::Abort] {
        let mut stand = Stand::new(site());
        stand.alarm(0);
        stand.alarm(1);
        if verb == Verb::Hold {
            stand.order(ANN, verb);
        } else {
            assert_eq!(stand.both(verb), Verdict::Taken);
        }
        stand.answer_all(Phase::Prepare, &muster_core::HookOutcome::Done);
        stand.alarm(5);
        stand.wait(20 * SECOND);
        assert!(
            !stand.called().iter().any(|s| s.contains("evacuate")),
            "{verb:?}: n1 votes already"
        );
        stand.alarm(3);
        stand.wait(2 * SECOND);
        assert!(stand.called().iter().any(|s| s.contains("evacuate")), "{verb:?}");
    }
}

#[test]
fn an_abort_stops_what_has_not_begun_until_ordered_otherwise() {
    for again in [Verb::Evacuate, Verb::Cut { at: 900_000 }] {
        let mut site = site();
        site.workloads.push(crate::stand::workload("web", 2, &[0]));
        let mut stand = Stand::new(site);
        stand.fire();
        assert_eq!(stand.both(Verb::Abort), Verdict::Taken);
        stand.done("db.move.evacuate.far");
        stand.wait(MINUTE);
        assert!(
            !stand
                .called()
                .iter()
                .any(|s| s.starts_with("web.move.evacuate") || s.contains("verify"))
        );
        // One is enough for a cut while a vote is held.
        stand.order(ANN, again);
        stand.order(BOB, again);
        stand.wait(2 * SECOND);
        assert!(
            stand.called().contains(&"db.move.verify.far".to_string()),
            "{:?}",
            stand.called()
        );
        assert_eq!(stand.attempts("db.move.evacuate.far"), 1, "what was done is done");
    }
}

#[test]
fn a_reset_takes_two_and_no_held_vote() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    assert_eq!(stand.order(ANN, Verb::Reset), Verdict::Refused);
    let why = |stand: &Stand| stand.answers.last().unwrap().why.clone();
    assert!(why(&stand).contains("still alarms"), "{}", why(&stand));
    // Clear, but not yet for 30 min: the refusal says how long to wait, and then it holds.
    calm(&mut stand, 10 * MINUTE);
    assert_eq!(stand.order(ANN, Verb::Reset), Verdict::Refused);
    let left = why(&stand);
    assert!(
        left.contains("n1 in a; its channels are clear, so it returns in 20 min"),
        "{left}"
    );
    calm(&mut stand, 21 * MINUTE);
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    assert!(stand.votes().is_empty() && stand.view().incident.unwrap().closed.is_some());
    assert_eq!(stand.zone(0), Level::Normal);
    assert_eq!(stand.order(ANN, Verb::Reset), Verdict::Refused, "nothing to reset");
    stand.alarm(0);
    assert_eq!(stand.view().incident.unwrap().id, "s-2");
}

#[test]
fn the_clocks_start_with_the_priors_from_the_first_sign() {
    let mut stand = Stand::new(site());
    stand.wait(SECOND);
    assert!(stand.view().runway.loss.is_none());
    stand.alarm(0);
    let runway = stand.view().runway;
    let (loss, cut) = (runway.loss.unwrap(), runway.cut.unwrap());
    assert_eq!((loss.earliest, loss.likely), (481 * SECOND, 2_101 * SECOND));
    assert_eq!((cut.earliest, cut.likely), (5_401 * SECOND, 9_961 * SECOND));
    assert!(loss.why.contains("prior"));
    stand.wait(MINUTE);
    stand.alarm(1);
    assert_eq!(
        stand.view().runway.loss.unwrap().earliest,
        481 * SECOND,
        "from the first"
    );
}

#[test]
fn a_reported_runtime_counts_on_battery_alone() {
    let loss = |stand: &Stand| stand.view().runway.loss.map(|i| i.earliest);
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.settle_at(7, 60);
    stand.settle_at(7, 0);
    stand.sample(7, Ok(Micro(-1_000_000)));
    assert_eq!(loss(&stand), Some(480 * SECOND), "on mains it means nothing");
    assert!(!stand.troubles().contains(&"rt".to_string()), "nor is it a fault");
    stand.settle_at(6, 1);
    stand.wait(SECOND);
    assert_eq!(loss(&stand), Some(480 * SECOND), "nor what it said before the edge");
    stand.read(7, 60);
    assert_eq!(loss(&stand), Some(480 * SECOND), "one sample never decides");
    stand.wait(SECOND);
    stand.read(7, 59);
    assert_eq!(loss(&stand), Some(48_800), "four fifths of it");
    stand.wait(20 * SECOND);
    assert_eq!(loss(&stand), Some(25_200), "silent, it runs down faster than the clock");
    stand.sample(7, Ok(Micro(-1_000_000)));
    assert!(stand.troubles().contains(&"ups".to_string()) || stand.troubles().contains(&"rt".to_string()));
}

#[test]
fn a_runtime_that_drops_is_planned_for_at_once() {
    let mut stand = Stand::new(site());
    stand.fire();
    stand.settle_at(6, 1);
    stand.wait(SECOND);
    stand.read(7, 400);
    stand.wait(SECOND);
    stand.read(7, 15);
    stand.read(7, 15);
    assert!(
        stand.called().contains(&"db.stop.evacuate".to_string()),
        "{:?}",
        stand.called()
    );
}

#[test]
fn a_restart_keeps_an_armed_site_and_its_votes_when_the_config_changed() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    let mut edited = site();
    edited.channels[0].id = "renamed".into();
    let mut next = Stand::new(edited);
    next.witness.remembers(&stand.entries);
    next.entries.clone_from(&stand.entries);
    next.input(&Input::Restore(stand.entries.clone()));
    assert_eq!(next.votes(), [vote("a", "n1", true)]);
    next.wait(30 * MINUTE);
    assert_eq!(
        next.votes(),
        [vote("a", "n1", false)],
        "nothing holds it any more, and it stays latched"
    );
}

#[test]
fn arming_an_open_incident_is_warned_of() {
    let mut stand = Stand::new(Site { armed: false, ..site() });
    assert_eq!(stand.both(Verb::Arm), Verdict::Taken);
    assert!(!stand.answers.last().unwrap().why.contains("WARNING"));
    let mut stand = Stand::new(Site { armed: false, ..site() });
    stand.alarm(0);
    assert_eq!(stand.both(Verb::Arm), Verdict::Taken);
    let why = stand.answers.last().unwrap().why.clone();
    assert!(
        why.contains("WARNING: incident s-1 is open") && why.contains("for real"),
        "{why}"
    );
}
