//! What is away is remembered, every hook is sent the way back, and another order tries again.

use super::*;

#[test]
fn another_order_tries_again_what_is_not_home_and_nothing_else() {
    let mut stand = away(three());
    let broken = |step: &str| match step.starts_with("web") {
        true => no(),
        false => HookOutcome::Done,
    };
    let first = returned(&mut stand, broken);
    assert!(first.contains(&"web.move.restore.far".into()) && !first.contains(&"db.move.restore.far".into()));
    assert_eq!(
        returned(&mut stand, broken),
        ["web.move.restore.far", "web.move.verify.s"]
    );
    assert_eq!(stand.workload("web"), "moved");
    let third = returned(&mut stand, |_| HookOutcome::Done);
    let all = [
        "web.move.restore.far",
        "web.move.verify.s",
        "db.move.restore.far",
        "db.move.verify.s",
    ];
    assert_eq!(third, all);
    assert_eq!(states(&stand), ["home"; 3]);
}

#[test]
fn what_people_have_brought_home_is_asked_for_and_then_known() {
    let mut stand = away(three());
    let by_hand = |step: &str| match step.contains("restore") {
        true => no(),
        false => HookOutcome::Done,
    };
    returned(&mut stand, by_hand);
    assert_eq!(states(&stand), ["home"; 3]);
    stand.fire();
    let_all_go_well(&mut stand);
    let again = stand
        .calls
        .iter()
        .filter(|c| c.incident == "s-2" && c.phase == Phase::Evacuate);
    assert_eq!(again.count(), 3, "it is saved like anything at home");
}

/// `web` was moved in vain, failed over in vain, and stopped by another hook.
fn stopped_at_last(site: Site) -> Stand {
    let mut stand = Stand::new(site);
    stand.both(Verb::Evacuate);
    for _ in 0..20 {
        let steps = stand.view().incident.unwrap().steps;
        for step in steps.iter().filter(|s| s.state == "called") {
            let vain = ["web.move.evacuate.far", "web.failover.evacuate"].contains(&step.id.as_str());
            stand.answer(&step.id, if vain { no() } else { HookOutcome::Done });
        }
        stand.wait(SECOND);
    }
    stand.both(Verb::Reset);
    stand
}

#[test]
fn every_hook_that_was_sent_something_is_sent_the_way_back_the_last_one_first() {
    let mut stand = stopped_at_last(three());
    assert_eq!(stand.workload("web"), "stopped");
    let called = returned(&mut stand, |_| HookOutcome::Done);
    let web: Vec<&str> = called
        .iter()
        .map(String::as_str)
        .filter(|s| s.starts_with("web"))
        .collect();
    let back = ["web.stop", "web.failover", "web.move"].map(|rung| {
        let to = if rung == "web.move" { ".far" } else { "" };
        [format!("{rung}.restore{to}"), format!("{rung}.verify.s")]
    });
    assert_eq!(web, back.concat());
    assert_eq!(states(&stand), ["home"; 3]);
    let first = |id: &str| called.iter().position(|s| s == id).unwrap();
    assert!(first("db.move.restore.far") > first("web.stop.verify.s"), "{called:?}");
    assert_eq!(stand.order(ANN, Verb::Return), Verdict::Refused, "nothing is left");
}

#[test]
fn what_is_home_and_still_closed_in_is_opened_by_the_next_order() {
    let mut stand = stopped_at_last(three());
    let shut = |step: &str| {
        if step == "web.failover.restore" {
            no()
        } else {
            HookOutcome::Done
        }
    };
    returned(&mut stand, shut);
    assert_eq!(states(&stand), ["home"; 3], "`db` need not wait for a door");
    assert!(
        over(&stand)
            .unwrap()
            .contains("web, which is home and closed in: its disk burnt"),
        "{:?}",
        over(&stand)
    );
    let again = returned(&mut stand, |_| HookOutcome::Done);
    assert_eq!(again, ["web.failover.restore", "web.failover.verify.s"]);
    assert_eq!(stand.order(ANN, Verb::Return), Verdict::Refused, "nothing is left");
}

#[test]
fn what_was_told_to_prepare_and_never_answered_is_opened_too() {
    let mut stand = Stand::new(three());
    stand.alarm(0);
    stand.keep(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], 31 * MINUTE);
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    let called = returned(&mut stand, |_| HookOutcome::Done);
    assert_eq!(called.iter().filter(|s| s.contains("restore")).count(), 3, "{called:?}");
    assert_eq!(states(&stand), ["home"; 3]);
}

/// What hooks were sent in an incident.
fn of_incident(stand: &Stand, id: &str) -> Vec<String> {
    let calls = stand.calls.iter().filter(|c| c.incident == id && c.attempt == 1);
    calls.map(|c| c.step.clone()).collect()
}

#[test]
fn what_is_away_is_left_where_it_is_by_the_next_fire_and_comes_home_after_it() {
    let mut stand = away(three());
    let back = |step: &str| match step.starts_with("web") || step.starts_with("db") {
        true => no(),
        false => HookOutcome::Done,
    };
    returned(&mut stand, back);
    assert_eq!(states(&stand), ["moved", "moved", "home"]);
    let mut stand = stand.restart(u64::MAX);
    stand.fire();
    people_have_brought(&mut stand, &[]);
    let asked_and_left = [
        "log.stop.prepare",
        "db.move.verify.s",
        "web.move.verify.s",
        "log.stop.evacuate",
        "log.stop.verify",
    ];
    assert_eq!(of_incident(&stand, "s-2"), asked_and_left);
    assert_eq!(states(&stand), ["moved", "moved", "stopped"]);
    let said = |e: &muster_core::Event| e.line.contains("left where they are: db, web; once");
    assert!(stand.events.iter().any(said), "it is said");
    let web = stand
        .view()
        .incident
        .unwrap()
        .workloads
        .into_iter()
        .find(|w| w.id == "web")
        .unwrap();
    assert!(
        web.why == "away since incident s-1 (by move to far); asked whether it is home" && web.safe_at.is_some(),
        "{}",
        web.why
    );
    stand.keep(&[(0, 0), (1, 0), (5, 0)], 31 * MINUTE);
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    let mut stand = stand.restart(u64::MAX);
    let called = returned(&mut stand, |_| HookOutcome::Done);
    assert_eq!(called.iter().filter(|s| s.contains("restore")).count(), 3, "{called:?}");
    assert_eq!(states(&stand), ["home"; 3]);
    stand.fire();
    let_all_go_well(&mut stand);
    assert_eq!(
        states(&stand),
        ["moved", "moved", "stopped"],
        "home again, it is saved again"
    );
    assert_eq!(
        of_incident(&stand, "s-3")
            .iter()
            .filter(|s| s.contains("evacuate"))
            .count(),
        3
    );
}

#[test]
fn another_file_in_the_incident_does_not_forget_what_is_away() {
    let mut stand = away(three());
    stand.alarm(0);
    let mut other = stand.file.clone();
    other.workloads[1].rungs.remove(1);
    stand.reload(other).unwrap();
    people_have_brought(&mut stand, &[]);
    assert_eq!(of_incident(&stand, "s-2"), [""; 0]);
    let mut otherwise = stand.file.clone();
    otherwise.workloads[1].rungs[0].to = Some("elsewhere".into());
    stand.reload(otherwise).unwrap();
    stand.alarm(1);
    people_have_brought(&mut stand, &[]);
    assert!(
        of_incident(&stand, "s-2").contains(&"web.move.evacuate.elsewhere".into()),
        "with a ladder that cannot have taken it away it begins anew"
    );
}

#[test]
fn what_is_away_for_real_comes_home_for_real_whatever_was_rehearsed_since() {
    let mut stand = away(three());
    stand.both(Verb::Disarm);
    stand.both(Verb::Evacuate);
    let_all_go_well(&mut stand);
    stand.both(Verb::Reset);
    stand.both(Verb::Arm);
    let called = returned(&mut stand, |_| HookOutcome::Done);
    assert_eq!(called.iter().filter(|s| s.contains("restore")).count(), 3, "{called:?}");
    assert_eq!(states(&stand), ["home"; 3]);
    assert_eq!(stand.order(ANN, Verb::Return), Verdict::Refused, "nothing is left");
}
