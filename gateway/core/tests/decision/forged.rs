//! What is read of a recording is believed only if it can be: every number of a state is forged in turn, and what is not
//! refused is named here.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers as well"
)]
use std::collections::BTreeSet;

use crate::stand::{ANN, BOB, MINUTE, SECOND, Stand, power, site, workload};
use ciborium::Value;
use muster_core::{
    ChannelIx, HookOutcome, Input, OnBattery, Phase, Site, SourceIx, State, Target, Verb, Verdict, WorkloadIx, ZoneIx,
};

/// Where a value stands in another, from the outside in: keys of a map are `k`, its values `v`, entries of a list `l`.
type Path = Vec<(char, usize)>;

fn leaves(value: &Value, at: &Path, found: &mut Vec<Path>) {
    let with = |kind, i| at.iter().copied().chain([(kind, i)]).collect::<Path>();
    match value {
        Value::Integer(_) => found.push(at.clone()),
        Value::Array(all) => (0..).zip(all).for_each(|(i, v)| leaves(v, &with('l', i), found)),
        Value::Map(all) => (0..).zip(all).for_each(|(i, (k, v))| {
            leaves(k, &with('k', i), found);
            leaves(v, &with('v', i), found);
        }),
        _ => {}
    }
}

fn find<'a>(value: &'a mut Value, path: &[(char, usize)]) -> &'a mut Value {
    let Some(((kind, i), rest)) = path.split_first() else {
        return value;
    };
    match (value, kind) {
        (Value::Array(all), _) => find(&mut all[*i], rest),
        (Value::Map(all), 'k') => find(&mut all[*i].0, rest),
        (Value::Map(all), _) => find(&mut all[*i].1, rest),
        _ => panic!("no such path"),
    }
}

/// The names on the way to it; `*` for what is counted.
fn name(value: &Value, path: &[(char, usize)]) -> String {
    let Some(((kind, i), rest)) = path.split_first() else {
        return String::new();
    };
    match value {
        Value::Array(all) if all.len() < 3 && matches!(all[*i], Value::Integer(_)) => format!(".{i}"),
        Value::Array(all) => format!(".*{}", name(&all[*i], rest)),
        Value::Map(all) => match (&all[*i].0, kind) {
            (Value::Text(field), 'v') => format!(".{field}{}", name(&all[*i].1, rest)),
            (key, 'k') => format!(".key{}", name(key, rest)),
            _ => format!(".*{}", name(&all[*i].1, rest)),
        },
        _ => String::new(),
    }
}

/// A fire in a room with UPSes: votes, one that died, an order that waits for its second, bypasses, a hold and a cut, and
/// steps in every state.
fn burning() -> State {
    let mut s = power::paths();
    s.workloads
        .extend([workload("web", 1, &[0]), workload("batch", 2, &[])]);
    let mut stand = Stand::new(s);
    power::calm(&mut stand);
    for (target, ms) in [
        (Target::Zone(ZoneIx(2)), 90),
        (Target::Source(SourceIx(6)), 80),
        (Target::Channel(ChannelIx(5)), 70),
    ] {
        let until = Some(stand.now + ms * MINUTE);
        stand.input(&Input::Bypass {
            by: ANN,
            target,
            until,
            reason: "fan".into(),
            nonce: 1,
        });
        assert_eq!(stand.answers.last().unwrap().verdict, Verdict::Taken, "{target:?}");
    }
    // It is bypassed, and its alarm waits for the end of that.
    stand.alarm(5);
    stand.alarm(0);
    stand.alarm(1);
    stand.order(
        ANN,
        Verb::Cut {
            at: stand.now + 50 * MINUTE,
        },
    );
    stand.wait(SECOND);
    let outcomes = [
        HookOutcome::Done,
        HookOutcome::Accepted,
        HookOutcome::Retry { cause: "busy".into() },
    ];
    for (i, step) in stand.called().into_iter().enumerate() {
        stand.answer(&step, outcomes[i % 3].clone());
    }
    stand.wait(SECOND);
    stand.answer_all(Phase::Evacuate, &HookOutcome::Accepted);
    stand.order(ANN, Verb::Hold);
    stand.order(ANN, Verb::Abort);
    stand.state
}

/// Two UPSes on battery, long enough for racks to be doomed.
fn on_battery() -> State {
    let mut stand = Stand::new(power::paths());
    power::calm(&mut stand);
    power::play(&mut stand, 20 * MINUTE, |i, t| {
        Some(if i < 2 { power::Says::drained(t) } else { power::MAINS })
    });
    stand.state
}

/// One UPS has run down: what hangs on it alone is stopped and nothing else, the rest waits and is spared.
fn losing_a_side() -> State {
    let mut s = power::paths();
    s.power.on_battery = OnBattery::StopLastRung;
    let mut stand = Stand::new(s);
    power::calm(&mut stand);
    power::play(&mut stand, 30 * MINUTE, |i, t| {
        // A second one for a while, so that two groups say that the mains are gone.
        let battery = i == 0 || i == 2 && t < 29 * MINUTE;
        Some(if battery { power::Says::drained(t) } else { power::MAINS })
    });
    stand.state
}

/// One alarm, and one that dies beside it: a window is open.
fn in_doubt() -> Stand {
    let mut stand = Stand::new(site());
    let all = [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0)];
    stand.keep(&all, 20 * SECOND);
    stand.alarm(0);
    stand.keep(&[(0, 20), (2, 0), (3, 0), (4, 0)], 3 * SECOND);
    stand.sample(1, Err(muster_wire::Absence::Open));
    stand
}

/// The same a minute later: what died has voted.
fn burnt() -> State {
    let mut stand = in_doubt();
    stand.keep(&[(0, 20), (2, 0), (3, 0), (4, 0), (5, 0)], 2 * MINUTE);
    assert_eq!(stand.votes().len(), 2);
    stand.state
}

fn drilling() -> State {
    let mut stand = Stand::new(Site { armed: false, ..site() });
    let works: Vec<WorkloadIx> = Vec::new();
    stand.input(&Input::Drill {
        by: Some(BOB),
        works,
        dry: false,
        nonce: 1,
    });
    stand.wait(SECOND);
    stand.answer_all(Phase::Prepare, &HookOutcome::Accepted);
    stand.state
}

/// What may stand in a field that holds no place in a list of the site, by the field's name: times, counts and sums.
const NO_PLACES: &[&str] = &[
    "age_ms",
    "alarmed_at",
    "all",
    "at",
    "attempts",
    "begun",
    "beyond",
    "clear_from",
    "clear_run",
    "clear_since",
    "cordon_since",
    "cut",
    "deadline",
    "evacuate_begun",
    "fault_seen",
    "fault_since",
    "good_at",
    "heard",
    "held",
    "hold_until",
    "incident",
    "intents",
    "n",
    "now",
    "onset",
    "opened",
    "power_wake",
    "refused",
    "resets",
    "safe_at",
    "seq",
    "sign",
    "since",
    "step_ms",
    "token",
    "until",
    "value",
    "value_since",
    "wake",
];
/// The same where the last name is not a field's.
const NO_PLACES_WITHIN: &[&str] = &[
    ".checks.*.0",
    ".discharging.*.1",
    ".earlier.0",
    ".earlier.1",
    ".held_by.0",
    ".live_of.key.0",
    ".live_of.key.1",
    ".points.*.0",
    ".points.*.1",
    ".scope.each.*",
    ".scope.each.1",
    ".live.0",
    ".troubles.*.0",
];
/// What no time and no count is bounded by.
const UNBOUNDED: &[&str] = &[".earlier.0", ".seq", ".step_ms", ".token", ".troubles.*.0", ".value"];

/// Names of those of these numbers that are believed when they are this.
fn believed(state: &State, forged: i64, asked: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let whole = Value::serialized(state).unwrap();
    let mut paths = Vec::new();
    leaves(&whole, &Vec::new(), &mut paths);
    let mut names = BTreeSet::new();
    for path in paths {
        let named = name(&whole, &path);
        // Its site is another one then, and what is refused for that says nothing about the state.
        if named.contains(".site.") || !asked(&named) {
            continue;
        }
        let mut copy = whole.clone();
        *find(&mut copy, &path) = Value::from(forged);
        if copy.deserialized::<State>().is_ok() {
            names.insert(named);
        }
    }
    names
}

fn is_place(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    !NO_PLACES.contains(&last) && !NO_PLACES_WITHIN.iter().any(|end| name.ends_with(end))
}

fn states() -> [State; 6] {
    [
        burning(),
        on_battery(),
        losing_a_side(),
        in_doubt().state,
        burnt(),
        drilling(),
    ]
}

#[test]
fn a_time_that_cannot_be_is_refused() {
    for (state, forged) in states().iter().flat_map(|s| [(s, i64::MAX), (s, i64::MIN + 1)]) {
        let names = believed(state, forged, |name| !UNBOUNDED.iter().any(|end| name.ends_with(end)));
        assert_eq!(names, BTreeSet::new(), "believed at {forged}");
    }
}

#[test]
fn a_place_in_no_list_is_refused() {
    for state in states() {
        let names = believed(&state, 200, is_place);
        assert_eq!(names, BTreeSet::new());
    }
}

#[test]
fn a_place_just_behind_a_list_is_refused() {
    for state in states() {
        let site = state.site();
        let lists: [(usize, &[&str]); 7] = [
            (
                site.zones.len(),
                &[
                    ".at_work.*",
                    ".key.Zone",
                    ".votes.key.0",
                    ".windows.key",
                    ".dying.key.0",
                ],
            ),
            (site.zones.len() + 1, &[".named.zones"]),
            (site.groups.len(), &[".votes.key.1", ".dying.key.1"]),
            (site.groups.len() + 1, &[".named.groups"]),
            (site.channels.len(), &[".key.Channel", ".checks.*.1", ".channel"]),
            (site.sources.len(), &[".key.Source"]),
            (site.principals.len(), &[".pending.*.by"]),
        ];
        for (behind, ends) in lists {
            let names = believed(&state, behind as i64, |name| ends.iter().any(|end| name.ends_with(end)));
            assert_eq!(names, BTreeSet::new(), "believed at {behind}");
        }
        let (works, rungs) = (site.workloads.len(), 3);
        for (behind, end) in [(works, ".work"), (rungs, ".rung")] {
            let names = believed(&state, behind as i64, |name| name.ends_with(end));
            assert_eq!(names, BTreeSet::new(), "believed at {behind}");
        }
    }
}

/// What the plan is for names racks and workloads of the site, and every one of its lists has one here.
#[test]
fn a_scope_of_what_is_not_in_the_site_is_refused() {
    let state = losing_a_side();
    let site = state.site();
    let works = site.workloads.len();
    for (list, behind) in [
        (".scope.waits.", works),
        (".scope.spared.", works),
        (".scope.last_only.", works),
        (".scope.doomed.", site.power.feeds.len()),
    ] {
        let of_list = |name: &str| name.contains(list);
        let believed_at = |forged: usize| believed(&state, forged as i64, of_list).len();
        assert_eq!((believed_at(behind), believed_at(behind - 1)), (0, 1), "{list}");
    }
}

/// What is doubted, died, waits or is out of service is in the site, and each of it is here once at least.
#[test]
fn a_doubt_of_what_is_not_in_the_site_is_refused() {
    let (fire, doubt, dead) = (burning(), in_doubt().state, burnt());
    let of = |state: &State, part: &str, behind: usize| {
        let believed_at = |forged: usize| believed(state, forged as i64, |name| name.contains(part)).len();
        (believed_at(behind), believed_at(behind - 1) > 0)
    };
    let site = |state: &State| {
        (
            state.site().zones.len(),
            state.site().groups.len(),
            state.site().channels.len(),
        )
    };
    for (state, part, behind) in [
        (&fire, ".bypasses.key.Zone", site(&fire).0),
        (&fire, ".bypasses.key.Source", fire.site().sources.len()),
        (&fire, ".bypasses.key.Channel", site(&fire).2),
        (&fire, ".withheld.", site(&fire).2),
        (&doubt, ".dying.key.0", site(&doubt).0),
        (&doubt, ".dying.key.1", site(&doubt).1),
        (&doubt, ".windows.key", site(&doubt).0),
        (&dead, ".votes.*.dead", site(&dead).2),
    ] {
        assert_eq!(of(state, part, behind), (0, true), "{part}");
    }
}

/// Every workload has an end of its own, or none has.
#[test]
fn ends_for_some_workloads_only_are_refused() {
    let mut copy = Value::serialized(&burning()).unwrap();
    assert!(shorten(&mut copy, "each") > 0);
    assert!(copy.deserialized::<State>().is_err(), "an end for each workload");
}

/// Under another file, with other windows of silence.
fn reloaded() -> State {
    let mut stand = Stand::new(site());
    stand.keep(&[(0, 0), (1, 0)], 20 * SECOND);
    let mut next = site();
    (0..)
        .zip(&mut next.channels)
        .for_each(|(i, c)| c.supervision_ms = (5 + 3 * i) * SECOND);
    assert_eq!(stand.reload(next), Ok(()));
    stand.state
}

/// What a state knows is what is read of it again.
#[test]
fn what_is_written_is_read() {
    for state in states().into_iter().chain([reloaded()]) {
        let written = Value::serialized(&state).unwrap();
        let read: State = written.deserialized().unwrap();
        assert_eq!(Value::serialized(&read).unwrap(), written);
    }
}

/// Every list and every word of it is what the code relies on: one entry less is another site's.
#[test]
fn a_list_that_is_too_short_is_refused() {
    let named = [
        "channels", "zones", "works", "busy", "queue", "near", "well", "healthy", "faulty", "checks",
    ];
    for state in states() {
        let whole = Value::serialized(&state).unwrap();
        for name in named {
            let mut copy = whole.clone();
            assert!(shorten(&mut copy, name) > 0, "{name} is nowhere");
            assert!(
                copy.deserialized::<State>().is_err(),
                "{name} is one short and believed"
            );
        }
    }
}

/// Takes the last entry of every list of this name that is not the site's; of how many.
fn shorten(value: &mut Value, name: &str) -> usize {
    let Value::Map(all) = value else { return 0 };
    let mut found = 0;
    for (key, value) in all {
        match (key.as_text(), value) {
            (Some("site"), _) => {}
            (Some(key), Value::Array(list)) if key == name => found += usize::from(list.pop().is_some()),
            (_, value) => found += shorten(value, name),
        }
    }
    found
}

/// Every list of points that is not in order, and every step of nothing, is a discharge that cannot be.
#[test]
fn a_discharge_that_cannot_be_is_refused() {
    let whole = Value::serialized(&on_battery()).unwrap();
    let changes: [fn(&mut Vec<Value>); 3] = [
        |points| points.swap(0, 1),
        |points| points.push(points[0].clone()),
        // A list of 17 that are in order.
        |points| {
            let after = |i: i64| Value::Array(vec![Value::from(i), Value::from(0)]);
            *points = (0..17).map(after).collect();
        },
    ];
    for change in changes {
        let mut copy = whole.clone();
        let points = of_first_charge(&mut copy, "points").as_array_mut().unwrap();
        change(points);
        assert!(copy.deserialized::<State>().is_err());
    }
    for (step_ms, fits) in [(1, true), (0, false), (-1, false)] {
        let mut copy = whole.clone();
        *of_first_charge(&mut copy, "step_ms") = Value::from(step_ms);
        assert_eq!(copy.deserialized::<State>().is_ok(), fits, "{step_ms}");
    }
}

fn of_first_charge<'a>(state: &'a mut Value, field: &str) -> &'a mut Value {
    let discharges = within(within(state, "detect"), "discharges").as_map_mut().unwrap();
    within(within(&mut discharges[0].1, "charge"), field)
}

fn within<'a>(value: &'a mut Value, field: &str) -> &'a mut Value {
    let all = value.as_map_mut().unwrap();
    let found = all.iter_mut().find(|(key, _)| key.as_text() == Some(field));
    &mut found.unwrap().1
}

/// A state of core 1 has not counted who is out of service, nor who speaks of power: it is counted when it is read.
#[test]
fn what_an_older_state_has_not_counted_is_counted() {
    let mut stand = Stand::new(power::paths());
    power::calm(&mut stand);
    stand.sample(0, Err(muster_wire::Absence::Open));
    stand.sample(5, Err(muster_wire::Absence::Open));
    let mut copy = Value::serialized(&stand.state).unwrap();
    let detect = within(&mut copy, "detect");
    *within(detect, "speakers") = Value::Array(Vec::new());
    *within(within(detect, "tally"), "out") = Value::Array(Vec::new());
    let read: State = copy.deserialized().unwrap();
    assert_eq!(read.view(stand.now), stand.view());
    assert_eq!(
        Value::serialized(&read).unwrap(),
        Value::serialized(&stand.state).unwrap()
    );
}
