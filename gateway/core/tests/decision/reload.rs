//! Another config while there is one: what stays, what is refused, what is told.
use crate::stand::{ANN, BOB, MINUTE, SECOND, Stand, site, smoke, turned, units, workload};
use muster_core::{
    ChannelIx, EventKind, GroupIx, HookOutcome, Input, Level, Phase, Principal, Record, Role, Site, SourceIx, Target,
    Verb, Verdict, ZoneIx,
};

/// `site()` without zone `a`, its group and node.
fn without_a() -> Site {
    let mut s = site();
    s.channels.retain(|c| c.zone != ZoneIx(0));
    s.channels.iter_mut().for_each(|c| c.zone.0 -= 1);
    s.zones.remove(0);
    s.zones.iter_mut().for_each(|z| z.adjacent.clear());
    s.channels
        .iter_mut()
        .for_each(|c| (c.group.0, c.source.0) = (c.group.0 - 1, c.source.0 - 1));
    s.groups.remove(0);
    s.sources.remove(0);
    s
}

#[test]
fn the_same_config_again_changes_nothing() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.read(1, 12);
    let digest = stand.state.digest();
    assert_eq!(stand.reload(site()), Ok(()));
    assert_eq!(stand.state.digest(), digest);
    assert_eq!(
        stand.events.last().map(|e| e.kind),
        Some(EventKind::Config),
        "it is said"
    );
}

#[test]
fn what_falls_silent_with_the_reload_is_told_by_its_own_name() {
    let mut stand = Stand::new(site());
    (0..8).for_each(|channel| stand.read(channel, 1));
    // Nobody has ticked: the reload is the first to see it, and has fewer channels.
    stand.now += 60 * MINUTE;
    assert_eq!(stand.reload(without_a()), Ok(()));
    let told = |what: &str| {
        stand
            .events
            .iter()
            .any(|e| e.kind == EventKind::Trouble && e.subject == what)
    };
    for source in site().sources {
        assert!(
            told(&source.id) || site().channels.iter().any(|c| told(&c.id)),
            "{}",
            source.id
        );
    }
}

#[test]
fn a_window_half_full_stays_so() {
    let mut stand = Stand::new(site());
    stand.read(0, 20);
    let mut next = site();
    next.channels.rotate_left(1);
    assert_eq!(stand.reload(next), Ok(()));
    stand.read(7, 20);
    assert_eq!(
        stand.votes().len(),
        1,
        "two of three samples, one on each side of the reload"
    );
}

#[test]
fn under_another_limit_counting_begins_anew() {
    let mut stand = Stand::new(site());
    stand.read(0, 20);
    let mut next = site();
    next.channels[0].alarm.as_mut().unwrap().set = units(15);
    assert_eq!(stand.reload(next), Ok(()));
    stand.read(0, 20);
    assert!(
        stand.votes().is_empty(),
        "one sample under the new limit decides nothing"
    );
    stand.read(0, 20);
    assert_eq!(stand.votes().len(), 1);
}

/// What is changed, and whether the alarm and the watch limit still count what came before.
type Change = (fn(&mut Site), bool, bool);

/// What a reload leaves as it was goes on counting; what it changes begins anew, each limit for itself.
#[test]
fn a_limit_that_is_changed_takes_nothing_from_the_other() {
    let changes: [Change; 4] = [
        (|s| s.channels[0].supervision_ms = 20 * SECOND, true, true),
        (|s| s.channels[0].watch.as_mut().unwrap().set = units(6), true, false),
        (|s| s.channels[0].alarm.as_mut().unwrap().set = units(15), false, true),
        (|s| (s.channels[0].k, s.channels[0].n) = (2, 4), false, false),
    ];
    for (i, (change, alarm, watch)) in changes.into_iter().enumerate() {
        let mut stand = Stand::new(site());
        stand.read(0, 20);
        let mut next = site();
        change(&mut next);
        assert_eq!(stand.reload(next), Ok(()));
        stand.read(0, 20);
        let shown = &stand.state.channels(stand.now)[0];
        assert_eq!((shown.alarm, shown.watch), (alarm, watch), "change {i}");
    }
}

#[test]
fn a_vote_whose_room_has_left_the_config_stays_latched_until_a_reset() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    assert_eq!(stand.reload(without_a()), Ok(()));
    assert_eq!(stand.votes(), [("a".into(), "n1".into(), true)]);
    assert_eq!(stand.level(), Level::Prepare);
    let again = stand.restart(u64::MAX);
    assert_eq!(again.votes(), stand.votes(), "a start with the new file shows the same");
    assert_eq!(again.level(), Level::Prepare);
    stand.wait(31 * MINUTE);
    let returned = stand.events.iter().find(|e| e.line.contains("returns"));
    assert!(
        returned.is_some_and(|e| e.line.contains("not in the config any more")),
        "{returned:?}"
    );
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    assert!(stand.votes().is_empty());
    assert_eq!(stand.view().zones.len(), 2, "then the room is gone");
    assert!(stand.restart(u64::MAX).votes().is_empty());
}

/// While a room is kept for its vote's sake another file may come; after the reset that room alone is forgotten.
#[test]
fn a_room_that_was_kept_for_its_vote_leaves_what_is_known_of_others() {
    let mut stand = Stand::new(site());
    let until = Some(stand.now + 8 * 60 * MINUTE);
    stand.input(&Input::Bypass {
        by: ANN,
        target: Target::Zone(ZoneIx(2)),
        until,
        reason: "fan".into(),
        nonce: 1,
    });
    assert_eq!(stand.answers.last().unwrap().verdict, Verdict::Taken);
    stand.alarm(0);
    assert_eq!(stand.reload(without_a()), Ok(()));
    let digest = stand.state.digest();
    assert_eq!(stand.reload(without_a()), Ok(()));
    assert_eq!(stand.state.digest(), digest, "the same once more");
    let mut more = without_a();
    more.workloads.push(workload("late", 2, &[]));
    assert_eq!(stand.reload(more), Ok(()));
    assert!(stand.state.site().workloads.iter().any(|w| w.id == "late"));
    stand.wait(31 * MINUTE);
    assert_eq!(stand.both(Verb::Reset), Verdict::Taken);
    let at_work = |stand: &Stand| stand.view().orders.iter().any(|o| o.until == until);
    assert!(at_work(&stand), "people work in c still: {:?}", stand.view().orders);
    let c3 = stand.state.site().channels.iter().position(|c| c.id == "c3").unwrap();
    stand.settle_at(c3 as u32, 8);
    assert_eq!(
        stand.votes(),
        [("c".into(), "n3".into(), true)],
        "and its limit is lower"
    );
    let written = ciborium::Value::serialized(&stand.state).unwrap();
    assert!(written.deserialized::<muster_core::State>().is_ok());
}

#[test]
fn one_sensor_cannot_become_two_groups_while_it_votes() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    let mut next = site();
    next.channels[0].group = GroupIx(2);
    let why = stand.reload(next).unwrap_err();
    assert!(why.contains("a1") && why.contains("reset first"), "{why}");
    let mut renamed = site();
    renamed.channels[0] = smoke("another-name", 0, 2, 0);
    assert!(
        stand.reload(renamed).is_err(),
        "nor under another name of the same node"
    );
    let mut alone = site();
    alone.single_group = true;
    assert!(stand.reload(alone).is_err(), "nor is one vote enough all at once");
    let mut near = site();
    near.zones[2].adjacent.push(ZoneIx(0));
    assert!(stand.reload(near).is_err(), "nor do rooms move together");
}

#[test]
fn what_was_begun_stays_in_the_config_until_a_reset() {
    let mut stand = Stand::new(site());
    stand.fire();
    assert!(stand.called().contains(&"db.move.evacuate.far".into()));
    let mut next = site();
    next.workloads = vec![workload("other", 1, &[])];
    let why = stand.reload(next).unwrap_err();
    assert!(why.contains("workload db"), "{why}");
    let mut shorter = site();
    shorter.workloads[0].rungs.remove(0);
    assert!(stand.reload(shorter).is_err(), "nor does its ladder change");
    let mut more = site();
    more.workloads.insert(0, workload("new", 1, &[]));
    more.hooks.rotate_left(1);
    more.workloads
        .iter_mut()
        .flat_map(|w| &mut w.rungs)
        .for_each(|r| r.hook.0 ^= 1);
    assert_eq!(stand.reload(more), Ok(()), "but more may come");
    stand.done("db.move.evacuate.far");
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    stand.wait(2 * SECOND);
    assert!(
        stand.called().contains(&"new.move.evacuate.far".into()),
        "{:?}",
        stand.called()
    );
}

#[test]
fn a_person_keeps_an_order_that_waits_and_one_who_is_gone_loses_it() {
    let mut stand = Stand::new(site());
    stand.order(ANN, Verb::Evacuate);
    let mut next = site();
    next.principals.rotate_left(1);
    assert_eq!(stand.reload(next.clone()), Ok(()));
    // Bob is the first now, Ann the last.
    assert_eq!(
        stand.order(muster_core::PrincipalIx(2), Verb::Evacuate),
        Verdict::Pending,
        "Ann alone"
    );
    next.principals = vec![Principal {
        id: "bob".into(),
        roles: vec![Role::Operator, Role::Safety],
    }];
    assert_eq!(stand.reload(next), Ok(()));
    assert!(
        stand
            .events
            .iter()
            .any(|e| e.kind == EventKind::Order && e.line.contains("lapses"))
    );
    assert_eq!(
        stand.order(ANN, Verb::Evacuate),
        Verdict::Pending,
        "place 0 is Bob, and he is alone"
    );
}

#[test]
fn a_first_person_without_the_role_any_more_counts_no_more() {
    let mut stand = Stand::new(site());
    stand.order(ANN, Verb::Evacuate);
    let mut next = site();
    next.principals[0].roles.clear();
    assert_eq!(stand.reload(next), Ok(()));
    assert_eq!(stand.order(BOB, Verb::Evacuate), Verdict::Pending);
}

#[test]
fn the_file_arms_only_where_nobody_has_ordered_and_nothing_burns() {
    let with = |armed| {
        let mut s = site();
        s.armed = armed;
        s
    };
    let mut stand = Stand::new(with(false));
    assert_eq!(stand.reload(with(true)), Ok(()));
    assert!(stand.view().armed, "as at a start");
    assert!(
        stand
            .events
            .iter()
            .any(|e| e.kind == EventKind::Order && e.line.starts_with("arm: ")),
        "loudly"
    );
    stand.alarm(0);
    assert!(stand.reload(with(false)).is_err(), "never in an incident");
    assert_eq!(stand.both(Verb::Disarm), Verdict::Taken);
    assert_eq!(stand.reload(with(true)), Ok(()));
    assert!(!stand.view().armed, "an order overrules the file");
}

#[test]
fn trouble_stays_with_what_has_it_and_goes_with_what_goes() {
    let mut stand = Stand::new(site());
    stand.wait(11 * SECOND);
    assert_eq!(stand.troubles(), ["n1", "n2", "n3", "ups"].map(String::from));
    let mut next = without_a();
    next.sources.insert(0, crate::stand::source("front", &["mqtt"]));
    next.channels
        .iter_mut()
        .for_each(|c| c.source = SourceIx(c.source.0 + 1));
    assert_eq!(stand.reload(next), Ok(()));
    assert_eq!(stand.troubles(), ["n2", "n3"].map(String::from));
    (0..3).for_each(|c| stand.read(c, 1));
    stand.wait(6 * SECOND);
    (0..3).for_each(|c| stand.read(c, 1));
    assert!(stand.troubles().is_empty(), "{:?}", stand.troubles());
}

#[test]
fn the_site_itself_does_not_change() {
    let mut stand = Stand::new(site());
    let mut other = site();
    other.id = "t".into();
    assert!(stand.reload(other).unwrap_err().contains("restart"));
    let mut broken = site();
    broken.channels[0].source = SourceIx(99);
    assert!(stand.reload(broken).unwrap_err().contains("cannot be used"));
}

#[test]
fn a_start_names_a_step_that_its_config_has_no_place_for() {
    let mut stand = Stand::new(site());
    stand.fire();
    stand.file.workloads = vec![workload("other", 1, &[])];
    let again = stand.restart(u64::MAX);
    let ended = again.ended("db.move.evacuate.far");
    assert_eq!(ended, Some(muster_core::StepEnd::Withdrawn), "every intent ends");
}

/// A journal may hold any number; what waits for it must stay within reach, also after another config.
#[test]
fn a_hold_without_end_is_no_deadline_beyond_all_time() {
    let mut stand = Stand::new(site());
    let record = muster_core::Record::OrderTaken {
        verb: muster_core::Verb::Hold,
        by: vec!["ann".into()],
        until: Some(i64::MAX),
    };
    let entry = muster_core::Entry { seq: 1, at: 0, record };
    stand.input(&muster_core::Input::Restore(vec![entry]));
    assert!(muster_core::next_deadline(&stand.state).is_none_or(|at| at <= i64::MAX / 3));
}

/// Another window counts from what was last heard, and the same one goes on.
#[test]
fn silence_is_counted_from_what_was_last_heard() {
    let silent_after = |reload_s: i64, supervised_s: i64| {
        let mut stand = Stand::new(site());
        (0..8).for_each(|channel| stand.read(channel, 1));
        stand.wait(reload_s * SECOND);
        let mut next = site();
        next.channels
            .iter_mut()
            .for_each(|c| c.supervision_ms = supervised_s * SECOND);
        next.workloads.push(workload("web", 2, &[0]));
        assert_eq!(stand.reload(next), Ok(()));
        while stand.troubles().is_empty() {
            stand.wait(SECOND);
        }
        stand.now / SECOND
    };
    assert_eq!(
        (silent_after(4, 10), silent_after(4, 25), silent_after(4, 6)),
        (10, 25, 6)
    );
    assert_eq!(silent_after(8, 6), 9, "at once, and not before the reload is over");
}

#[test]
fn what_came_and_went_is_counted() {
    let mut stand = Stand::new(site());
    let mut next = site();
    next.workloads.push(workload("web", 2, &[0]));
    next.workloads[0].id = "other".into();
    assert_eq!(stand.reload(next), Ok(()));
    let line = &stand.events.last().expect("it is said").line;
    assert!(line.ends_with(": workloads +2 -1"), "{line}");
    let mut less = site();
    less.workloads.clear();
    assert_eq!(stand.reload(less), Ok(()));
    let line = &stand.events.last().expect("it is said").line;
    assert!(line.ends_with(": workloads +0 -2"), "{line}");
}

/// Under its id another device speaks now: what the old one said is not its word.
#[test]
fn a_channel_of_another_source_is_another_signal() {
    let value_after = |next: Site| {
        let mut stand = Stand::new(site());
        stand.read(0, 3);
        assert_eq!(stand.reload(next), Ok(()));
        stand.state.channels(stand.now)[0].value.clone()
    };
    assert_eq!(value_after(site()).as_deref(), Some("3"));
    let mut other = site();
    other.channels[0].source = muster_core::SourceIx(2);
    assert_eq!(value_after(other), None);
    let mut other = site();
    other.channels[0].quantity = muster_wire::Quantity::Humidity;
    assert_eq!(value_after(other), None);
}

/// Of several at once it is the first by name that ends and that speaks: it was the first in the file.
#[test]
fn what_ends_at_once_ends_by_name_wherever_it_stands_in_the_file() {
    let mut plain = Stand::new(site());
    for channel in [0, 3] {
        plain.input(&Input::Bypass {
            by: ANN,
            target: Target::Channel(ChannelIx(channel)),
            until: Some(2 * MINUTE),
            reason: "dust".into(),
            nonce: 0,
        });
    }
    plain.keep(&[(0, 12), (1, 0), (2, 0), (3, 12), (5, 0)], 3 * MINUTE);
    let told = |e: &muster_core::Entry| match &e.record {
        Record::BypassEnded { id, .. } => Some(id.clone()),
        Record::VoteHeld { channel, .. } => Some(channel.clone()),
        _ => None,
    };
    let told: Vec<String> = plain.entries.iter().filter_map(told).collect();
    assert_eq!(told, ["a1", "b3", "a1", "b3"]);
    for turn in 1..8 {
        let (_, records, _) = turned::replay_with_reloads(&plain, &[(1, turn)]);
        assert_eq!(records, plain.entries, "turned by {turn}");
    }
}
