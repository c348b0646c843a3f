//! Hosts go last, and only when power is really lost: by an evacuation, never by a drill, a prior or a disarmed site.
use crate::stand::{ANN, BOB, MINUTE, SECOND, Stand, site, workload};
use muster_core::{HookOutcome, Hosts, Input, Phase, Record, Site, Verb, Verdict};

fn with_hosts() -> Site {
    let mut site = site();
    site.workloads.push(workload("web", 2, &[]));
    site.power.hosts = vec![Hosts {
        id: "hall".into(),
        rack: None,
        last_ms: 2 * MINUTE,
    }];
    site
}

fn off(stand: &Stand) -> Option<String> {
    stand.entries.iter().find_map(|e| match &e.record {
        Record::HostsOff { why, .. } => Some(why.clone()),
        _ => None,
    })
}

fn save(stand: &mut Stand, id: &str) {
    stand.done(&format!("{id}.move.evacuate.far"));
    stand.done(&format!("{id}.move.verify.far"));
}

#[test]
fn hosts_stay_until_the_last_workload_on_them_is_safe() {
    let mut stand = Stand::new(with_hosts());
    stand.alarm(0);
    stand.wait(MINUTE);
    assert_eq!(off(&stand), None, "one vote switches nothing off");
    stand.alarm(1);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    save(&mut stand, "db");
    assert_eq!(off(&stand), None, "web is still there");
    save(&mut stand, "web");
    assert_eq!(off(&stand).unwrap(), "2 workloads are safe");
    assert!(stand.view().hosts[0].since.is_some());
    // After a restart they are still told so, and once.
    let next = stand.restart(u64::MAX);
    assert!(next.view().hosts[0].since.is_some());
    assert_eq!(
        next.entries
            .iter()
            .filter(|e| matches!(e.record, Record::HostsOff { .. }))
            .count(),
        1
    );
}

#[test]
fn an_abort_or_a_disarming_takes_it_back() {
    for verb in [Verb::Abort, Verb::Disarm] {
        let mut stand = Stand::new(with_hosts());
        stand.fire();
        save(&mut stand, "db");
        save(&mut stand, "web");
        assert!(stand.view().hosts[0].since.is_some());
        assert_eq!(stand.both(verb), Verdict::Taken);
        stand.wait(MINUTE);
        let since = stand.view().hosts[0].since;
        assert!(since.is_none(), "who starts them again must not lose them: {verb:?}");
    }
}

#[test]
fn a_prior_is_no_reason_to_switch_hosts_off_and_an_announced_cut_is() {
    let mut stand = Stand::new(with_hosts());
    stand.fire();
    stand.wait(60 * MINUTE);
    assert_eq!(
        off(&stand),
        None,
        "no workload is safe, and nobody knows when power ends"
    );
    let at = stand.now + 10 * MINUTE;
    stand.order(ANN, Verb::Cut { at });
    stand.order(BOB, Verb::Cut { at });
    stand.wait(8 * MINUTE - SECOND);
    assert_eq!(off(&stand), None);
    stand.wait(2 * SECOND);
    let why = off(&stand).unwrap();
    assert_eq!(why, "power ends in 120 s and they take 120 s; 2 workloads are not safe");
}

#[test]
fn a_disarmed_site_and_a_drill_switch_nothing_off() {
    let mut disarmed = Stand::new(Site {
        armed: false,
        ..with_hosts()
    });
    disarmed.fire();
    save(&mut disarmed, "db");
    save(&mut disarmed, "web");
    assert_eq!(off(&disarmed), None);
    let mut stand = Stand::new(with_hosts());
    stand.input(&Input::Drill {
        by: Some(ANN),
        works: vec![],
        dry: false,
        nonce: 1,
    });
    for phase in ["prepare", "evacuate", "verify"] {
        for id in ["db", "web"] {
            stand.done(&format!("{id}.move.{phase}.far"));
        }
    }
    assert!(stand.view().last_drill.unwrap().results.iter().all(|r| r.passed));
    assert_eq!(off(&stand), None);
}

#[test]
fn an_abort_keeps_them_and_a_reset_forgets() {
    let mut stand = Stand::new(with_hosts());
    stand.fire();
    stand.both(Verb::Abort);
    stand.done("db.move.evacuate.far");
    stand.done("web.move.evacuate.far");
    stand.wait(60 * MINUTE);
    assert_eq!(
        off(&stand),
        None,
        "aborted: what runs ends, and nothing is switched off"
    );
    let mut stand = Stand::new(with_hosts());
    stand.fire();
    save(&mut stand, "db");
    save(&mut stand, "web");
    assert!(off(&stand).is_some());
    stand.keep(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], 31 * MINUTE);
    stand.both(Verb::Reset);
    assert!(stand.view().hosts[0].since.is_none());
    // Who brings home what was evacuated starts hosts again, and they must stay.
    let mut stand = Stand::new(with_hosts());
    stand.fire();
    save(&mut stand, "db");
    save(&mut stand, "web");
    stand.keep(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (5, 1)], 31 * MINUTE);
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    assert_eq!(stand.both(Verb::Return), Verdict::Taken);
    stand.wait(MINUTE);
    assert!(stand.view().hosts[0].since.is_none());
}

/// Who stands in another rack takes nothing of a workload's time.
#[test]
fn only_the_hosts_of_its_own_rack_shorten_a_workloads_time() {
    let time_of_alone = |rack: &str| {
        let mut site = crate::stand::power::paths();
        site.power.hosts = vec![muster_core::Hosts {
            id: "h".into(),
            rack: Some(rack.into()),
            last_ms: 120 * SECOND,
        }];
        let mut stand = Stand::new(site);
        crate::stand::power::calm(&mut stand);
        let from = stand.now;
        crate::stand::power::play(&mut stand, 30 * MINUTE, |i, t| {
            Some(if i == 2 {
                crate::stand::power::MAINS
            } else {
                crate::stand::power::Says::drained(t)
            })
        });
        let call = stand
            .calls
            .iter()
            .find(|call| call.step == "alone.move.evacuate.far")
            .unwrap();
        call.deadline - from
    };
    let (own, other) = (time_of_alone("ra"), time_of_alone("r1"));
    assert!(own < other - MINUTE, "{own} {other}");
}

/// Mains that stay keep what has not gone: also where nobody has said what feeds what.
#[test]
fn without_feeds_hosts_go_off_for_a_battery_and_stay_for_mains_that_are_back() {
    let off_after = |mains: bool| {
        let mut site = crate::stand::power::paths();
        site.power = with_hosts().power;
        let mut stand = Stand::new(site);
        crate::stand::power::calm(&mut stand);
        crate::stand::power::drain(&mut stand, |stand| !crate::stand::power::evacuated(stand).is_empty());
        if mains {
            for _ in 0..30 {
                (0..3).for_each(|i| crate::stand::power::poll(&mut stand, i, crate::stand::power::MAINS));
                stand.read(6, 0);
                stand.wait(5 * SECOND);
            }
        }
        for _ in 0..10 {
            stand.answer_all(Phase::Evacuate, &HookOutcome::Done);
            stand.answer_all(Phase::Verify, &HookOutcome::Done);
            stand.wait(SECOND);
        }
        off(&stand).is_some()
    };
    assert_eq!((off_after(false), off_after(true)), (true, false));
}

/// Machines without a workload of their own go with the rack they stand in, and only with that.
#[test]
fn a_fire_switches_off_the_hosts_of_the_racks_it_takes() {
    for (rack, goes) in [("ra", true), ("rb", false)] {
        let mut site = crate::stand::power::paths();
        let mut other = site.power.feeds[6].clone();
        (other.id, other.by) = ("rb".into(), vec![muster_core::FeedIx(4)]);
        site.power.feeds.push(other);
        site.power.hosts = vec![Hosts {
            id: "h".into(),
            rack: Some(rack.into()),
            last_ms: 60 * SECOND,
        }];
        let mut stand = Stand::new(site);
        crate::stand::power::calm(&mut stand);
        stand.fire();
        stand.wait(2 * SECOND);
        assert_eq!(off(&stand), None, "the only workload that leaves has not left");
        save(&mut stand, "alone");
        stand.wait(SECOND);
        assert_eq!(off(&stand).is_some(), goes, "{rack}");
    }
}

/// With two groups of hosts, by their ids: who has been told to go.
fn gone(stand: &Stand) -> Vec<String> {
    let gone = stand.entries.iter().filter_map(|e| match &e.record {
        Record::HostsOff { id, why } => Some(format!("{id}: {why}")),
        _ => None,
    });
    gone.collect()
}

/// `ra` loses its only way, `r1` and `rb` keep one; hosts on each of them.
fn losing_a_side() -> Stand {
    let mut site = crate::stand::power::paths();
    let mut other = site.power.feeds[6].clone();
    (other.id, other.by) = ("rb".into(), vec![muster_core::FeedIx(4)]);
    site.power.feeds.push(other);
    site.power.hosts = ["ra", "r1", "rb"]
        .map(|rack| Hosts {
            id: format!("of-{rack}"),
            rack: Some(rack.into()),
            last_ms: 60 * SECOND,
        })
        .to_vec();
    let mut stand = Stand::new(site);
    crate::stand::power::calm(&mut stand);
    stand
}

/// `ups-0` runs down, and another one that feeds nothing says as well that the mains are gone.
fn runs_down(stand: &mut Stand, answers: bool) {
    for t in (0..30 * MINUTE).step_by(5_000) {
        (0..6).for_each(|smoke| stand.read(smoke, 0));
        for i in 0..3 {
            let says = if i == 1 {
                crate::stand::power::MAINS
            } else {
                crate::stand::power::Says::drained(t)
            };
            crate::stand::power::poll(stand, i, says);
        }
        for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify] {
            if answers || phase == Phase::Prepare {
                stand.answer_all(phase, &HookOutcome::Done);
            }
        }
        stand.wait(5 * SECOND);
    }
}

#[test]
fn an_outage_switches_off_the_hosts_of_the_racks_that_lose_their_power() {
    let mut stand = losing_a_side();
    runs_down(&mut stand, true);
    assert_eq!(gone(&stand), ["of-ra: 1 workloads are safe"]);
}

/// What has not left is no reason to let them fall.
#[test]
fn hosts_go_before_their_battery_ends_whatever_is_left_on_them() {
    let mut stand = losing_a_side();
    runs_down(&mut stand, false);
    let gone = gone(&stand);
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert!(
        gone[0].starts_with("of-ra: power ends in ") && gone[0].ends_with("; 1 workloads are not safe"),
        "{gone:?}"
    );
}

/// A battery that says nothing, and one that speaks within the generator's grace, are no reason to switch anything off.
#[test]
fn nobody_goes_by_a_battery_that_says_nothing_or_has_just_begun() {
    let told_after = |runtime: Option<i64>, wait_s: i64| {
        let mut site = crate::stand::power::paths();
        site.power.hosts = losing_a_side().file.power.hosts;
        site.power.hosts.truncate(1);
        site.power.generator_grace_ms = 60 * SECOND;
        let mut stand = Stand::new(site);
        stand.both(Verb::Evacuate);
        for _ in 0..wait_s / 5 {
            stand.read(crate::stand::power::OB[0], 1);
            if let Some(left) = runtime {
                stand.read(crate::stand::power::OB[0] + 2, left);
            }
            stand.wait(5 * SECOND);
        }
        off(&stand).is_some()
    };
    assert!(!told_after(None, 600));
    assert!(!told_after(Some(70), 40), "a generator may start yet");
    assert!(told_after(Some(70), 90));
}
