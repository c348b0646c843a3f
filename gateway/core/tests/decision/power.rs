//! The power path: which racks end with which batteries, when that counts, and what is done about it.
use crate::stand::power::{
    MAINS, Says, begun, calm, drain, evacuated, mains_for, n_plus_1, of_ups, on, paths, play, poll,
    runs_down_without_feeds,
};
use crate::stand::{BOB, MINUTE, SECOND, Stand};
use muster_core::{FeedIx, HookOutcome, Level, Millis, OnBattery, Phase, Record, Site, StepEnd, Verb, ZoneIx};
use muster_wire::Quantity;

#[test]
fn one_side_of_two_that_ends_takes_only_what_hangs_on_it_alone() {
    let mut site = paths();
    site.single_group = true;
    let mut stand = Stand::new(site);
    calm(&mut stand);
    play(&mut stand, 40 * MINUTE, |i, t| {
        Some(if i == 0 { Says::drained(t) } else { MAINS })
    });
    assert_eq!(evacuated(&stand), ["alone.move.evacuate.far"]);
    let racks = stand.view().racks;
    assert!(racks[0].loss.is_none() && !racks[0].doomed, "{:?}", racks[0]);
    assert!(racks[1].doomed && racks[1].loss.is_some());
    assert!(
        racks[1].loss.as_ref().is_some_and(|l| l.why.contains("ups-0")),
        "{:?}",
        racks[1]
    );
}

#[test]
fn both_sides_of_two_evacuate_before_they_end_and_not_long_before() {
    let mut stand = Stand::new(paths());
    calm(&mut stand);
    let from = stand.now;
    play(&mut stand, 30 * MINUTE, |i, t| {
        Some(if i < 2 { Says::drained(t) } else { MAINS })
    });
    let begun = begun(&stand);
    let at = begun[0].0 - from;
    assert!((15 * MINUTE..26 * MINUTE).contains(&at), "{at}");
    assert_eq!(stand.workload("both"), "moved");
    assert_eq!(stand.workload("alone"), "moved");
    assert!(
        stand.state.why().contains("may be without power in"),
        "{}",
        stand.state.why()
    );
}

#[test]
fn one_group_alone_never_evacuates_for_power() {
    let mut site = paths();
    for channel in &mut site.channels[8..] {
        channel.group = muster_core::GroupIx(4);
    }
    let mut stand = Stand::new(site);
    calm(&mut stand);
    play(&mut stand, 35 * MINUTE, |i, t| {
        Some(if i < 2 { Says::drained(t) } else { MAINS })
    });
    assert_eq!((stand.level(), evacuated(&stand).len()), (Level::Prepare, 0));
}

#[test]
fn a_generator_that_runs_is_the_second_group() {
    let mut site = paths();
    for channel in &mut site.channels[8..] {
        channel.group = muster_core::GroupIx(4);
    }
    let mut runs = of_ups(2, Quantity::GeneratorRunning);
    runs.group = muster_core::GroupIx(6);
    site.channels.push(runs);
    let mut stand = Stand::new(site);
    calm(&mut stand);
    // It runs, and its switch never closes.
    for minute in 0..30 {
        play(&mut stand, MINUTE, |i, t| {
            Some(if i < 2 {
                Says::drained(t + minute * MINUTE)
            } else {
                MAINS
            })
        });
        stand.settle_at(20, 1);
    }
    assert!(!begun(&stand).is_empty());
}

#[test]
fn a_battery_that_does_not_run_down_does_not_count() {
    let mut stand = Stand::new(paths());
    calm(&mut stand);
    // A flag that sticks, and a runtime of 20 s beside a full battery.
    let stuck = Says {
        battery: true,
        runtime: 20,
        ..MAINS
    };
    play(&mut stand, 20 * MINUTE, |_, _| Some(stuck));
    assert_eq!((stand.level(), evacuated(&stand).len()), (Level::Prepare, 0));
}

#[test]
fn within_the_grace_nothing_counts_and_neither_does_silence() {
    for heard_for in [10 * SECOND, 55 * SECOND] {
        let mut stand = Stand::new(paths());
        calm(&mut stand);
        let short = move |t: Millis| Says {
            battery: true,
            charge: 60 - t / SECOND,
            runtime: 100 - t / SECOND,
            load: 50,
        };
        play(&mut stand, 30 * MINUTE, |_, t| (t < heard_for).then(|| short(t)));
        assert_eq!(evacuated(&stand).len(), 0, "{heard_for}: silence evacuates nobody");
        let mut blip = Stand::new(paths());
        calm(&mut blip);
        play(&mut blip, 20 * MINUTE, |_, t| {
            Some(if t < heard_for { short(t) } else { MAINS })
        });
        assert_eq!(
            (blip.level(), evacuated(&blip).len()),
            (Level::Watch, 0),
            "{heard_for}: a blip"
        );
    }
}

#[test]
fn heard_on_battery_for_the_grace_silence_runs_down_faster() {
    let mut stand = Stand::new(paths());
    calm(&mut stand);
    let from = stand.now;
    play(&mut stand, 30 * MINUTE, |i, t| {
        (i < 2 && t < 5 * MINUTE).then(|| Says::drained(t))
    });
    let at = begun(&stand)[0].0 - from;
    assert!(at < 15 * MINUTE, "{at}");
}

/// Four workloads that move one after another, and mains that come back while the second one does.
fn mains_come_back() -> Stand {
    let mut site = paths();
    site.hooks[0].max_parallel = 1;
    site.workloads = (0..4).map(|i| on("r1", &format!("w{i}"))).collect();
    let mut stand = Stand::new(site);
    calm(&mut stand);
    let t = drain(&mut stand, |stand| !begun(stand).is_empty());
    let charge = Says::drained(t).charge;
    for _ in 0..40 {
        for i in 0..2 {
            poll(&mut stand, i, Says { charge, ..MAINS });
        }
        stand.answer_all(Phase::Prepare, &HookOutcome::Done);
        stand.wait(5 * SECOND);
    }
    stand
}

#[test]
fn mains_that_stay_hold_what_has_not_begun_and_a_second_outage_goes_on() {
    let mut stand = mains_come_back();
    let moving = evacuated(&stand);
    assert_eq!(moving.len(), 1, "{moving:?}");
    assert!(
        stand
            .entries
            .iter()
            .any(|e| matches!(e.record, Record::PowerHeld { .. }))
    );
    stand.answer_all(Phase::Evacuate, &HookOutcome::Done);
    stand.answer_all(Phase::Verify, &HookOutcome::Done);
    stand.wait(MINUTE);
    assert_eq!(evacuated(&stand), moving, "the second waits");
    assert_eq!(stand.level(), Level::Evacuate, "until a reset");
    // Again, from half a charge.
    play(&mut stand, 12 * MINUTE, |i, t| {
        Some(if i < 2 { Says::drained(t + 15 * MINUTE) } else { MAINS })
    });
    assert_eq!(evacuated(&stand).len(), 4, "{:?}", evacuated(&stand));
}

/// A contact whose wire breaks says nothing: nothing is held for mains that nobody hears.
#[test]
fn a_broken_contact_brings_no_mains_back() {
    let held = |broken: bool| {
        let mut site = paths();
        site.hooks[0].max_parallel = 1;
        let mut stand = Stand::new(site);
        calm(&mut stand);
        let t = drain(&mut stand, |stand| !begun(stand).is_empty());
        let charge = Says::drained(t).charge;
        for round in 0..40 {
            for i in 0..2 {
                poll(&mut stand, i, Says { charge, ..MAINS });
                if broken && round > 3 {
                    stand.sample(crate::stand::power::OB[i], Err(muster_wire::Absence::Open));
                }
            }
            stand.wait(5 * SECOND);
        }
        let is_held = |e: &muster_core::Entry| matches!(e.record, Record::PowerHeld { .. });
        stand.entries.iter().any(is_held)
    };
    assert_eq!((held(false), held(true)), (true, false));
}

/// Hosts that were told to go stay once the mains are back.
#[test]
fn hosts_that_have_not_gone_stay_with_the_mains() {
    let mut site = paths();
    site.power.hosts = vec![muster_core::Hosts {
        id: "h".into(),
        rack: Some("ra".into()),
        last_ms: 60 * SECOND,
    }];
    let mut stand = Stand::new(site);
    calm(&mut stand);
    play(&mut stand, 29 * MINUTE, |i, t| {
        Some(if i < 2 { Says::drained(t) } else { MAINS })
    });
    assert!(stand.view().hosts[0].since.is_some(), "their workloads are away");
    play(&mut stand, 5 * MINUTE, |_, _| Some(MAINS));
    assert_eq!(stand.view().hosts[0].since, None);
}

/// What waits because the mains are back does not wait once two persons order it.
#[test]
fn mains_that_stay_hold_nothing_that_is_ordered() {
    let mut stand = mains_come_back();
    assert_eq!(evacuated(&stand).len(), 1);
    assert_eq!(stand.both(Verb::Evacuate), muster_core::Verdict::Taken);
    for _ in 0..20 {
        for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify] {
            stand.answer_all(phase, &HookOutcome::Done);
        }
        stand.wait(SECOND);
    }
    assert_eq!(evacuated(&stand).len(), 4, "{:?}", evacuated(&stand));
}

#[test]
fn after_the_mains_are_back_two_persons_reset() {
    let mut stand = mains_come_back();
    assert_eq!(stand.both(Verb::Reset), muster_core::Verdict::Taken);
    assert!(stand.level() < Level::Prepare);
    assert_eq!(stand.ended("w0.move.evacuate.far"), Some(StepEnd::Withdrawn));
}

#[test]
fn a_restart_goes_on_with_what_was_begun_and_with_what_is_held() {
    let stand = mains_come_back();
    let held = stand
        .entries
        .iter()
        .find(|e| matches!(e.record, Record::PowerHeld { .. }))
        .map(|e| e.seq);
    for (through, goes_on) in [(u64::MAX, false), (held.unwrap_or(0) - 1, true)] {
        let mut next = stand.restart(through);
        assert_eq!(next.level(), Level::Evacuate);
        next.wait(40 * SECOND);
        for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify, Phase::Verify] {
            next.answer_all(phase, &HookOutcome::Done);
            next.wait(2 * SECOND);
        }
        let more = next.called().iter().any(|step| step == "w1.move.evacuate.far");
        assert_eq!(more, goes_on, "{:?}", next.called());
    }
}

#[test]
fn where_the_owner_says_so_everything_is_stopped_and_as_late_as_can_be() {
    let mut site = paths();
    site.power.on_battery = OnBattery::StopLastRung;
    let mut stand = Stand::new(site);
    calm(&mut stand);
    let from = stand.now;
    play(&mut stand, 30 * MINUTE, |i, t| {
        Some(if i < 2 { Says::drained(t) } else { MAINS })
    });
    let mut stopped = evacuated(&stand);
    stopped.sort();
    assert_eq!(stopped, ["alone.stop.evacuate", "both.stop.evacuate"]);
    let at = begun(&stand)[0].0 - from;
    assert!((17 * MINUTE..28 * MINUTE).contains(&at), "{at}");
}

#[test]
fn a_fire_moves_the_racks_whose_every_way_crosses_it() {
    let mut stand = Stand::new(paths());
    calm(&mut stand);
    stand.fire();
    assert_eq!((stand.zone(0), stand.zone(1)), (Level::Evacuate, Level::Normal));
    stand.wait(2 * SECOND);
    assert_eq!(evacuated(&stand), ["alone.move.evacuate.far"]);
    assert!(
        !stand.called().iter().any(|s| s.starts_with("both.")),
        "nor is it cordoned"
    );
    let racks = stand.view().racks;
    assert_eq!((racks[0].doomed, racks[1].doomed), (false, true));
    assert!(
        racks[1].loss.as_ref().is_some_and(|l| l.why.contains("crosses a")),
        "{:?}",
        racks[1]
    );
}

#[test]
fn where_batteries_burn_the_site_is_doomed() {
    let mut site = paths();
    site.power.battery_rooms = vec![ZoneIx(0)];
    let mut stand = Stand::new(site);
    calm(&mut stand);
    stand.fire();
    stand.wait(2 * SECOND);
    assert_eq!(evacuated(&stand).len(), 2, "{:?}", evacuated(&stand));
}

#[test]
fn a_rack_that_nobody_has_named_is_moved_with_anything() {
    let mut site = paths();
    site.workloads.push(on("r9", "somewhere"));
    let mut stand = Stand::new(site);
    stand.fire();
    stand.wait(2 * SECOND);
    assert!(evacuated(&stand).contains(&"somewhere.move.evacuate.far".to_owned()));
}

#[test]
fn a_second_fire_takes_the_other_way() {
    let mut stand = Stand::new(paths());
    calm(&mut stand);
    stand.fire();
    stand.wait(2 * SECOND);
    stand.alarm(2);
    stand.alarm(3);
    stand.answer_all(Phase::Prepare, &HookOutcome::Done);
    stand.wait(2 * SECOND);
    assert!(
        evacuated(&stand).contains(&"both.move.evacuate.far".to_owned()),
        "{:?}",
        evacuated(&stand)
    );
}

#[test]
fn what_is_off_is_no_way_out() {
    let mut site = paths();
    let mut open = of_ups(1, Quantity::Contact);
    open.id = "pdu-b.open".into();
    site.channels.push(open);
    site.power.feeds[4].off = Some(muster_core::ChannelIx(20));
    let mut stand = Stand::new(site);
    calm(&mut stand);
    for _ in 0..12 {
        stand.read(20, 1);
        play(&mut stand, 5 * SECOND, |_, _| Some(MAINS));
    }
    assert_eq!(stand.level(), Level::Watch, "a panel that is open is not a fire");
    let from = stand.now;
    // Only one side is on battery; the third UPS, of another group, says that the mains are gone.
    play(&mut stand, 30 * MINUTE, |i, t| {
        Some(if i == 1 { MAINS } else { Says::drained(t) })
    });
    assert_eq!(stand.workload("both"), "moved");
    assert!(begun(&stand)[0].0 - from > 10 * MINUTE);
}

#[test]
fn one_of_n_plus_1_may_end_and_two_may_not() {
    let loss = |stand: &Stand| stand.view().racks[0].loss.clone();
    let mut stand = Stand::new(n_plus_1());
    calm(&mut stand);
    play(&mut stand, 5 * MINUTE, |i, t| {
        Some(if i == 0 { Says::drained(t) } else { MAINS })
    });
    assert!(loss(&stand).is_none());
    play(&mut stand, 5 * MINUTE, |i, t| {
        Some(if i < 2 { Says::drained(t) } else { MAINS })
    });
    assert!(loss(&stand).is_some());
}

#[test]
fn when_a_neighbour_ends_the_others_end_sooner() {
    let loss = |first: Millis| {
        let mut stand = Stand::new(n_plus_1());
        calm(&mut stand);
        play(&mut stand, 5 * MINUTE, |i, t| {
            Some(Says::drained(if i == 0 { t + first } else { t }))
        });
        (stand.view().racks[0].loss.clone().expect("a loss"), stand.now)
    };
    let (alike, _) = loss(0);
    let (one_first, _) = loss(12 * MINUTE);
    assert!(
        one_first.earliest < alike.earliest - 2 * MINUTE,
        "{one_first:?} and {alike:?}"
    );
    assert!(one_first.why.contains("carries others' load"), "{one_first:?}");
}

#[test]
fn an_overloaded_ups_may_drop_its_load_at_any_moment() {
    let mut stand = Stand::new(n_plus_1());
    calm(&mut stand);
    play(&mut stand, 3 * MINUTE, |_, t| {
        Some(Says {
            load: 133,
            ..Says::drained(t)
        })
    });
    let loss = begun(&stand);
    assert!(!loss.is_empty(), "it counts as soon as the grace is over");
    assert!(
        stand.view().racks[0]
            .loss
            .as_ref()
            .is_some_and(|l| l.why.contains("133 % of its rating"))
    );
}

/// It is given as long again as it has borne the overload, and a full load was none.
#[test]
fn a_ups_that_carries_all_it_is_rated_for_is_not_overloaded() {
    let mut stand = Stand::new(n_plus_1());
    calm(&mut stand);
    let with = |load: i64| {
        move |_, t| {
            Some(Says {
                load,
                ..Says::drained(t)
            })
        }
    };
    play(&mut stand, 2 * MINUTE, with(100));
    let racks = stand.view().racks;
    assert!(
        racks[0].loss.as_ref().is_some_and(|l| !l.why.contains("rating")),
        "{racks:?}"
    );
    let over = stand.now;
    play(&mut stand, 15 * SECOND, with(120));
    let racks = stand.view().racks;
    let loss = racks[0].loss.as_ref().unwrap();
    assert!(loss.earliest <= over + 30 * SECOND, "{} {loss:?}", over);
}

#[test]
fn a_disarmed_site_drills_an_outage() {
    let mut site = paths();
    site.armed = false;
    let mut stand = Stand::new(site);
    calm(&mut stand);
    play(&mut stand, 30 * MINUTE, |i, t| {
        Some(if i < 2 { Says::drained(t) } else { MAINS })
    });
    assert!(!stand.calls.is_empty() && stand.calls.iter().all(|c| c.mode == muster_core::Mode::Drill));
    assert_eq!(stand.order(BOB, Verb::Hold), muster_core::Verdict::Taken);
}

#[test]
fn a_site_without_feeds_goes_by_the_first_battery_that_ends() {
    let mut site = paths();
    site.power = muster_core::Power::default();
    let mut stand = Stand::new(site);
    calm(&mut stand);
    play(&mut stand, 30 * MINUTE, |i, t| {
        Some(if i < 2 { Says::drained(t) } else { MAINS })
    });
    assert_eq!(
        (stand.workload("both"), stand.workload("alone")),
        ("moved".into(), "moved".into())
    );
    assert_eq!(begun(&stand)[0].1, Vec::<String>::new());
}

#[test]
fn a_circle_or_an_unknown_place_is_refused() {
    for spoil in [
        |s: &mut Site| s.power.feeds[1].by = vec![FeedIx(1)],
        |s: &mut Site| s.power.feeds[1].by = vec![FeedIx(99)],
        |s: &mut Site| s.power.feeds[1].zones = vec![ZoneIx(9)],
        |s: &mut Site| s.power.feeds[5].needs = 3,
        |s: &mut Site| s.power.feeds[5].needs = 0,
        |s: &mut Site| s.power.feeds[1].id = "grid".into(),
        |s: &mut Site| s.power.battery_rooms = vec![ZoneIx(9)],
        |s: &mut Site| s.power.generator_grace_ms = -1,
    ] {
        let mut site = paths();
        assert_eq!(site.flaw(), None);
        spoil(&mut site);
        assert!(site.flaw().is_some());
    }
}

/// Beyond a short grace it is the runtime that has to be seen falling: for 15 s of 30 on battery.
#[test]
fn a_runtime_that_falls_is_believed_after_half_a_minute() {
    let mut site = paths();
    site.power.generator_grace_ms = 5 * SECOND;
    let mut stand = Stand::new(site);
    calm(&mut stand);
    let outage = stand.now;
    play(&mut stand, MINUTE, |i, t| match i {
        2 => Some(MAINS),
        _ => Some(Says {
            runtime: 150 - t / SECOND,
            charge: 60,
            ..Says::drained(0)
        }),
    });
    let begun: Vec<_> = begun(&stand).iter().map(|(at, _)| (at - outage) / SECOND).collect();
    assert!(matches!(begun[..], [30..=40]), "{begun:?} {:?}", stand.view().racks);
}

/// Of two batteries on a rack's ways the second has to have lasted for the grace as well, though two groups agree already.
#[test]
fn a_second_battery_that_has_just_begun_ends_nothing_yet() {
    let mut stand = Stand::new(paths());
    calm(&mut stand);
    let begins = 10 * MINUTE;
    let from = stand.now + begins;
    play(&mut stand, 14 * MINUTE, |i, t| match i {
        0 | 2 => Some(Says {
            charge: 40,
            runtime: 700 - t / SECOND,
            ..Says::drained(0)
        }),
        1 if t >= begins => Some(Says {
            charge: 30,
            runtime: 160 - (t - begins) / SECOND,
            ..Says::drained(0)
        }),
        _ => Some(MAINS),
    });
    let both = begun(&stand)
        .into_iter()
        .find(|(_, racks)| racks.contains(&"r1".to_owned()));
    let grace_ms = paths().power.generator_grace_ms;
    assert!(
        both.as_ref().is_some_and(|(at, _)| *at >= from + grace_ms),
        "{from} {both:?}"
    );
}

/// Where an overload is all that is known, it is also the likely end.
#[test]
fn an_overload_alone_is_an_end_as_well() {
    let mut stand = Stand::new(n_plus_1());
    calm(&mut stand);
    for _ in 0..36 {
        for ob in crate::stand::power::OB {
            stand.read(ob, 1);
            stand.sample(ob + 1, Err(muster_wire::Absence::Bus));
            stand.sample(ob + 2, Err(muster_wire::Absence::Bus));
            stand.sample(ob + 3, Ok(muster_wire::Micro(1_330_000)));
        }
        stand.wait(5 * SECOND);
    }
    let racks = stand.view().racks;
    let loss = racks[0].loss.as_ref().unwrap();
    assert!(
        loss.why.contains("rating") && loss.likely - stand.now < 10 * MINUTE,
        "{loss:?}"
    );
}

/// Also where nobody has said what feeds what.
#[test]
fn without_feeds_mains_that_stay_hold_what_has_not_begun() {
    let mut stand = runs_down_without_feeds();
    let moving = evacuated(&stand);
    mains_for(&mut stand, 150);
    stand.answer_all(Phase::Evacuate, &HookOutcome::Done);
    stand.answer_all(Phase::Verify, &HookOutcome::Done);
    stand.wait(MINUTE);
    assert_eq!((evacuated(&stand), moving.len()), (moving, 1), "the second waits");
}
