//! Limits, persistence, silence: what becomes an alarm, and what is only trouble.
use crate::stand::{MINUTE, SECOND, Stand, site, units};
use muster_core::{ChannelIx, EventKind, Input, Level, Site, SourceIx, Zone, ZoneIx};
use muster_wire::{Absence, Micro, Quantity};

fn in_alarm(stand: &Stand, channel: usize) -> bool {
    stand.state.channels(stand.now)[channel].alarm
}

#[test]
fn samples_and_what_they_make_of_a_channel() {
    // 2 of 3 at or above 10 alarm; 3 in a row below 8 end it; between the two nothing changes.
    let table: &[(&[i64], bool)] = &[
        (&[9, 9, 9], false),
        (&[10], false),
        (&[10, 10], true),
        (&[10, 0, 10], true),
        (&[10, 0, 0, 10], false),
        (&[10, 9, 10], true),
        (&[10, 10, 7, 7], true),
        (&[10, 10, 7, 7, 7], false),
        (&[10, 10, 7, 7, 9, 7, 7], true),
        (&[10, 10, 8, 8, 8], true),
        (&[10, 10, 7, 7, 7, 10], false),
    ];
    for (samples, expected) in table {
        let mut stand = Stand::new(site());
        samples.iter().for_each(|v| stand.read(0, *v));
        assert_eq!(in_alarm(&stand, 0), *expected, "{samples:?}");
    }
}

#[test]
fn a_limit_below_counts_downwards() {
    let mut site = site();
    let alarm = site.channels[0].alarm.as_mut().unwrap();
    (alarm.set, alarm.clear, alarm.above) = (units(2), units(4), false);
    site.channels[0].watch = None;
    let mut stand = Stand::new(site);
    stand.settle_at(0, 3);
    assert!(!in_alarm(&stand, 0));
    stand.settle_at(0, 2);
    assert!(in_alarm(&stand, 0));
    stand.settle_at(0, 4);
    assert!(in_alarm(&stand, 0), "at clear is not beyond clear");
    stand.settle_at(0, 5);
    assert!(!in_alarm(&stand, 0));
}

#[test]
fn a_watch_limit_makes_a_watch_and_no_vote() {
    let mut stand = Stand::new(site());
    stand.settle_at(0, 6);
    assert_eq!((stand.zone(0), stand.level()), (Level::Watch, Level::Watch));
    assert!(stand.votes().is_empty() && stand.view().incident.is_none());
    stand.settle_at(0, 0);
    assert_eq!(stand.zone(0), Level::Normal);
}

#[test]
fn samples_from_before_a_long_gap_do_not_count() {
    let mut stand = Stand::new(site());
    stand.read(0, 20);
    stand.wait(51 * SECOND);
    stand.read(0, 20);
    assert!(!in_alarm(&stand, 0));
    // Over a short one they do, or a channel that flaps between lost and alarming could never alarm.
    stand.wait(40 * SECOND);
    stand.read(0, 20);
    assert!(in_alarm(&stand, 0));
}

#[test]
fn silence_is_trouble_within_its_window_and_never_a_vote() {
    let mut stand = Stand::new(site());
    stand.settle_at(0, 9);
    stand.wait(10 * SECOND - 1);
    assert!(stand.troubles().is_empty());
    stand.wait(1);
    assert!(stand.troubles().contains(&"n1".to_string()), "{:?}", stand.troubles());
    stand.wait(24 * 60 * MINUTE);
    assert!(stand.votes().is_empty() && stand.view().incident.is_none());
    assert_eq!(stand.level(), Level::Watch, "protection is lost");
}

#[test]
fn one_channel_of_a_source_is_named_by_itself() {
    let mut stand = Stand::new(site());
    stand.keep(&[(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (6, 0), (7, 0)], 15 * SECOND);
    assert_eq!(stand.troubles(), ["a1x"]);
    stand.keep(&[(0, 0), (5, 0)], 12 * SECOND);
    assert!(!stand.troubles().contains(&"a1x".to_string()));
}

#[test]
fn every_sort_of_bad_sample_is_trouble_and_no_vote() {
    let bad: [(Result<Micro, Absence>, bool); 5] = [
        (Err(Absence::Stuck), false),
        (Err(Absence::Bus), false),
        (Ok(units(101)), false),
        (Ok(Micro(i64::MAX)), false),
        (Ok(units(50)), true),
    ];
    for (value, simulated) in bad {
        let mut stand = Stand::new(site());
        for channel in [0, 1] {
            for _ in 0..10 {
                stand.input(&Input::Reading {
                    channel: ChannelIx(channel),
                    value,
                    simulated,
                    age_ms: 0,
                });
            }
        }
        assert!(stand.votes().is_empty(), "{value:?}");
        assert_eq!(stand.troubles(), ["a1", "a2"]);
    }
}

#[test]
fn a_device_that_reports_its_own_fault_is_trouble_until_it_does_not() {
    let mut site = site();
    let fault = crate::stand::ups("a1x", Quantity::Fault);
    site.channels[5] = muster_core::Channel {
        zone: site.channels[5].zone,
        group: site.channels[5].group,
        source: site.channels[5].source,
        ..fault
    };
    let mut stand = Stand::new(site);
    stand.keep(&[(0, 0), (5, 0)], SECOND);
    assert!(!stand.troubles().contains(&"a1x".to_string()), "{:?}", stand.troubles());
    stand.keep(&[(0, 0), (5, 1)], SECOND);
    assert!(stand.troubles().contains(&"a1x".to_string()), "{:?}", stand.troubles());
    assert!(stand.votes().is_empty() && stand.level() <= Level::Watch);
    let shown = &stand.state.channels(stand.now)[5];
    assert_eq!((shown.value.as_deref(), shown.quality.as_str()), (Some("1"), "good"));
    stand.keep(&[(0, 0), (5, 0)], 20 * SECOND);
    assert!(!stand.troubles().contains(&"a1x".to_string()), "it works again");
}

#[test]
fn old_samples_are_history() {
    let mut stand = Stand::new(site());
    for _ in 0..5 {
        stand.input(&Input::Reading {
            channel: ChannelIx(0),
            value: Ok(units(50)),
            simulated: false,
            age_ms: 10_000,
        });
    }
    assert!(!in_alarm(&stand, 0) && stand.state.channels(0)[0].value.is_none());
}

#[test]
fn a_sample_is_as_old_as_it_says() {
    let mut stand = Stand::new(site());
    let read = |stand: &mut Stand, value, age_ms| {
        stand.input(&Input::Reading {
            channel: ChannelIx(0),
            value: Ok(units(value)),
            simulated: false,
            age_ms,
        });
    };
    stand.wait(5 * SECOND);
    read(&mut stand, 1, 0);
    read(&mut stand, 2, 3_000);
    let shown = &stand.state.channels(stand.now)[0];
    assert_eq!(
        shown.value.as_deref(),
        Some("1"),
        "a straggler does not overwrite what is newer"
    );
    stand.wait(4 * SECOND);
    read(&mut stand, 3, 1_000);
    assert_eq!(stand.state.channels(stand.now)[0].age_ms, Some(1_000));
}

#[test]
fn an_alarm_never_hides_trouble_and_trouble_takes_no_alarm_away() {
    let mut stand = Stand::new(site());
    stand.alarm(0);
    stand.sample(0, Err(Absence::Open));
    assert!(in_alarm(&stand, 0));
    assert_eq!(stand.troubles(), ["a1"]);
    assert_eq!(stand.votes(), [("a".into(), "n1".into(), true)]);
    stand.wait(2 * 60 * MINUTE);
    assert_eq!(stand.votes(), [("a".into(), "n1".into(), true)], "lost alarming: held");
}

#[test]
fn a_lost_source_is_one_line_and_only_fresh_readings_clear_it() {
    let mut stand = Stand::new(site());
    let lost = Input::Lost {
        source: SourceIx(0),
        why: "last will".into(),
    };
    stand.input(&lost);
    stand.input(&lost);
    let said = stand.events.iter().filter(|e| e.kind == EventKind::Trouble).count();
    assert_eq!((said, stand.troubles()), (1, vec!["n1".to_string()]));
    stand.keep(
        &[(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0)],
        6 * SECOND,
    );
    assert!(stand.troubles().is_empty(), "{:?}", stand.troubles());
}

/// What was said when nothing was heard is not what is wrong when something is: one broken wire is a broken wire.
#[test]
fn a_source_that_is_heard_again_in_part_says_what_is_wrong_with_it_now() {
    let mut stand = Stand::new(site());
    stand.input(&Input::Lost {
        source: SourceIx(0),
        why: "no answer".into(),
    });
    for _ in 0..7 {
        stand.wait(SECOND);
        stand.read(0, 0);
        stand.sample(5, Err(Absence::Open));
    }
    let view = stand.view();
    let of_source: Vec<_> = view
        .troubles
        .iter()
        .filter(|t| t.line.contains("a1x") || t.subject == "n1")
        .collect();
    assert_eq!(of_source.len(), 1, "{of_source:?}");
    assert_eq!(of_source[0].line, "a1x: no value (open)");
    let said: Vec<&str> = stand.events.iter().map(|e| e.line.as_str()).collect();
    assert!(said.contains(&"n1 is heard again"), "{said:?}");
}

/// A node that starts anew every four minutes for two hours: a line when it begins to warm up and one when it is over, and
/// not two a channel.
#[test]
fn a_node_that_starts_anew_again_and_again_says_each_cause_once() {
    let mut stand = Stand::new(site());
    stand.keep(&[(0, 0), (5, 0)], 6 * SECOND);
    let is_trouble = |e: &&muster_core::Event| {
        let sort = matches!(e.kind, EventKind::Trouble | EventKind::TroubleCleared);
        sort && (e.subject == "a1" || e.subject == "a1x")
    };
    let before = stand.events.iter().filter(is_trouble).count();
    for _ in 0..30 {
        stand.sample(0, Err(Absence::Warmup));
        stand.sample(5, Err(Absence::Warmup));
        let troubles = stand.view().troubles;
        let line = &troubles.iter().find(|t| t.subject == "a1").unwrap().line;
        assert_eq!(line, "a1: no value (warmup), and 1 more of n1");
        assert!(troubles.iter().all(|t| t.subject != "a1x"), "{troubles:?}");
        stand.keep(&[(0, 0), (5, 0)], 240 * SECOND);
        assert!(!stand.troubles().contains(&"a1".to_owned()));
    }
    let lines = stand.events.iter().filter(is_trouble).count() - before;
    assert_eq!(lines, 60, "two a start");
}

#[test]
fn a_source_and_a_channel_of_one_id_are_two_troubles() {
    let mut site = site();
    site.channels[3].id = "n1".into();
    let mut stand = Stand::new(site);
    stand.input(&Input::Lost {
        source: SourceIx(0),
        why: "gone".into(),
    });
    stand.sample(3, Err(Absence::Bus));
    stand.keep(&[(3, 0)], 6 * SECOND);
    assert!(stand.troubles().contains(&"n1".to_string()), "the source is still lost");
}

#[test]
fn protection_is_counted_over_adjacent_zones_by_group() {
    let mut stand = Stand::new(site());
    // a: n1, n2, and n3 of b next door. c has n3 alone.
    let zones = stand.view().zones;
    let groups: Vec<_> = zones.iter().map(|z| (z.groups_healthy, z.groups_total)).collect();
    assert_eq!(groups, [(3, 3), (3, 3), (1, 1)]);
    stand.sample(0, Err(Absence::Bus));
    assert_eq!(stand.view().zones[0].groups_healthy, 3, "n1 has another channel in a");
    stand.sample(5, Err(Absence::Bus));
    stand.sample(1, Err(Absence::Bus));
    stand.sample(2, Err(Absence::Bus));
    assert_eq!((stand.view().zones[0].groups_healthy, stand.zone(0)), (1, Level::Watch));
    stand.keep(&[(1, 0), (2, 0), (3, 0), (4, 0), (6, 0), (7, 0)], 8 * SECOND);
    assert_eq!(
        (stand.view().zones[0].groups_healthy, stand.zone(0)),
        (2, Level::Normal)
    );
}

/// That nothing is heard where nothing can speak is no good news, and no reason for the level of the site.
#[test]
fn a_zone_where_no_channel_can_alarm_says_so() {
    let mut site = site();
    site.single_group = true;
    let later = |zone: &mut ZoneIx| zone.0 += 1;
    site.channels.iter_mut().for_each(|channel| later(&mut channel.zone));
    site.zones
        .iter_mut()
        .flat_map(|zone| &mut zone.adjacent)
        .for_each(later);
    let quiet = Zone {
        id: "dock".into(),
        adjacent: Vec::new(),
    };
    site.zones.insert(0, quiet);
    let view = Stand::new(site).view();
    let dock = &view.zones[0];
    assert_eq!((dock.level, dock.groups_total), (Level::Normal, 0));
    assert_eq!(dock.why, "no channel can alarm here");
    assert!(view.why.contains("groups watch"), "{}", view.why);
}

/// What a simulated site shows is never taken for a room: every value says so, and one that has said nothing yet says that.
#[test]
fn a_simulated_site_calls_every_value_simulated() {
    for (simulated, called) in [(false, "good"), (true, "simulated")] {
        let mut stand = Stand::new(Site { simulated, ..site() });
        stand.read(0, 1);
        let quality = |stand: &Stand, i: usize| stand.state.channels(stand.now)[i].quality.clone();
        assert_eq!(quality(&stand, 0), called);
        assert_eq!(quality(&stand, 1), "warmup", "nothing has come yet");
    }
}
