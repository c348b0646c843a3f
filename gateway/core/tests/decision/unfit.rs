//! A config that the decision cannot use is refused, whoever forgot to look; and what lies just within its bounds is not.
use crate::stand::{hook, power, rung, site, source, workload};
use muster_core::{
    ChannelIx, Destination, Feed, FeedIx, FeedKind, Group, GroupIx, HookIx, Millis, Priors, RungKind, Site, SourceIx,
    WorkloadIx, ZoneIx,
};

const LONGEST: Millis = 10 * 366 * 86_400_000;

/// What is changed, and a word of what has to be said; nothing where it is fit.
type Case = (fn(&mut Site), &'static str);

fn refuses(cases: &[Case]) {
    for (i, (change, word)) in cases.iter().enumerate() {
        let mut s = power::paths();
        s.workloads
            .extend([workload("web", 2, &[0]), workload("batch", 3, &[0, 2])]);
        s.destinations = vec![Destination {
            id: "far".into(),
            room: None,
        }];
        assert_eq!(s.flaw(), None, "what is changed was unfit before");
        change(&mut s);
        let said = s.flaw().unwrap_or_default();
        assert!(
            said.contains(word) && said.is_empty() == word.is_empty(),
            "case {i} says {said:?}, not {word:?}"
        );
    }
}

#[test]
fn channels_and_zones() {
    refuses(&[
        (|s| s.id.clear(), "no id"),
        (|s| s.zones[1].adjacent.push(ZoneIx(2)), ""),
        (
            |s| s.zones[1].adjacent.push(ZoneIx(3)),
            "adjacent to one that does not exist",
        ),
        (|s| s.channels[0].zone = ZoneIx(3), "does not exist"),
        (|s| s.channels[0].group = GroupIx(7), "does not exist"),
        (|s| s.channels[0].source = SourceIx(7), "does not exist"),
        (|s| s.channels[0].k = 0, "cannot decide"),
        (|s| s.channels[0].k = 4, "4 of 3 samples cannot decide"),
        (|s| (s.channels[0].k, s.channels[0].n) = (16, 16), ""),
        (|s| s.channels[0].n = 17, "cannot decide"),
        (|s| s.channels[0].checks.reference = Some(ChannelIx(19)), ""),
        (
            |s| s.channels[0].checks.reference = Some(ChannelIx(20)),
            "its reference",
        ),
        (
            |s| s.channels[0].checks.inhibited_by = Some(ChannelIx(20)),
            "what inhibits it",
        ),
        (|s| s.channels[0].supervision_ms = 0, "no supervision window"),
        (|s| s.channels[0].supervision_ms = LONGEST, ""),
        (|s| s.channels[0].supervision_ms = LONGEST + 1, "no supervision window"),
    ]);
}

#[test]
fn workloads_and_hooks() {
    fn places(s: &mut Site, n: usize) {
        let to = |i: usize| Some(format!("place-{i}"));
        s.workloads[0].rungs = (0..n)
            .map(|i| muster_core::Rung {
                to: to(i),
                ..rung(RungKind::Move, 0, 1)
            })
            .collect();
    }
    refuses(&[
        (|s| s.workloads[0].rungs.clear(), "1 to 16 rungs"),
        (|s| places(s, 16), ""),
        (|s| places(s, 17), "1 to 16 rungs"),
        (|s| s.workloads[0].rungs[0].hook = HookIx(2), "hook does not exist"),
        (|s| s.workloads[0].rungs[0].needs_ms = -1, "time cannot be"),
        (|s| s.workloads[0].rungs[0].needs_ms = LONGEST, ""),
        (|s| s.workloads[0].rungs[0].needs_ms = LONGEST + 1, "time cannot be"),
        (
            |s| s.workloads[0].after = vec![WorkloadIx(4)],
            "one that does not exist",
        ),
        (|s| s.workloads[0].after = vec![WorkloadIx(0)], "waits for itself"),
        (|s| s.workloads[0].after = vec![WorkloadIx(3)], "waits for itself"),
        (|s| s.workloads[1].after = vec![WorkloadIx(0)], ""),
        (|s| s.hooks[1].max_parallel = 0, "carries out no step"),
        (|s| s.workloads[0].rungs[2].kind = RungKind::Failover, "two rungs"),
    ]);
}

#[test]
fn priors_and_power() {
    refuses(&[
        (
            |s| {
                s.priors = Priors {
                    loss_earliest_ms: 0,
                    loss_likely_ms: LONGEST,
                    ..s.priors
                }
            },
            "",
        ),
        (|s| s.priors.loss_earliest_ms = -1, "prior"),
        (|s| s.priors.loss_likely_ms = LONGEST + 1, "prior"),
        (|s| s.priors.cut_earliest_ms = -1, "prior"),
        (|s| s.priors.cut_likely_ms = LONGEST + 1, "prior"),
        (|s| s.power.generator_grace_ms = -1, "grace"),
        (|s| s.power.generator_grace_ms = LONGEST, ""),
        (|s| s.power.generator_grace_ms = LONGEST + 1, "grace"),
        (|s| s.power.battery_rooms = vec![ZoneIx(3)], "battery room"),
        (|s| s.power.battery_rooms = vec![ZoneIx(2)], ""),
        (|s| s.power.feeds[1].by = vec![FeedIx(1)], "it cannot be fed so"),
        (|s| s.power.feeds[1].by = vec![FeedIx(2)], "it cannot be fed so"),
        (|s| s.power.feeds[1].zones = vec![ZoneIx(3)], "it cannot be fed so"),
        (|s| s.power.feeds[1].source = Some(SourceIx(7)), "it cannot be fed so"),
        (|s| s.power.feeds[1].off = Some(ChannelIx(20)), "it cannot be fed so"),
        (|s| s.power.feeds[1].off = Some(ChannelIx(19)), ""),
        (|s| s.power.feeds[5].needs = 0, "it cannot be fed so"),
        (|s| s.power.feeds[5].needs = 2, ""),
        (|s| s.power.feeds[5].needs = 3, "it cannot be fed so"),
        (|s| s.power.feeds[1].runtime_ms = Some(-1), "it cannot be fed so"),
        (|s| s.power.feeds[1].runtime_ms = Some(LONGEST), ""),
        (
            |s| s.power.feeds[1].runtime_ms = Some(LONGEST + 1),
            "it cannot be fed so",
        ),
    ]);
}

#[test]
fn two_of_one_id() {
    refuses(&[
        (|s| s.zones[1].id = "a".into(), "two of zone a"),
        (|s| s.groups[1].id = "n1".into(), "two of group n1"),
        (|s| s.channels[1].id = "a1".into(), "two of channel a1"),
        (
            |s| s.destinations.push(s.destinations[0].clone()),
            "two of destination far",
        ),
        (|s| s.workloads[3].id = "web".into(), "two of workload web"),
        (|s| s.principals[1].id = "ann".into(), "two of principal ann"),
        (|s| s.power.feeds[2].id = "ups-0".into(), "two of feed ups-0"),
    ]);
}

/// An index has 16 bits.
#[test]
fn lists_end_where_an_index_does() {
    const MOST: usize = 65_535;
    fn fill<T>(list: &mut Vec<T>, n: usize, new: impl Fn(String) -> T) {
        (list.len()..n).for_each(|i| list.push(new(format!("x-{i}"))));
    }
    let zone = |id| muster_core::Zone {
        id,
        adjacent: Vec::new(),
    };
    let person = |id| muster_core::Principal { id, roles: Vec::new() };
    let place = |id| Destination { id, room: None };
    let fed = |id: String| -> Feed { power::feed(FeedKind::Utility, &id, &[], &[]) };
    let hosts = |id| muster_core::Hosts {
        id,
        rack: None,
        last_ms: 0,
    };
    for (n, fits) in [(MOST, true), (MOST + 1, false)] {
        let fill_one = |which: usize, s: &mut Site| match which {
            0 => fill(&mut s.zones, n, zone),
            1 => fill(&mut s.groups, n, |id| Group { id }),
            2 => fill(&mut s.sources, n, |id| source(&id, &["mqtt"])),
            3 => fill(&mut s.hooks, n, |id| hook(&id, 1)),
            4 => fill(&mut s.principals, n, person),
            5 => fill(&mut s.power.feeds, n, fed),
            // One is where the rungs go to.
            6 => fill(&mut s.destinations, n - 1, place),
            7 => fill(&mut s.power.hosts, n, hosts),
            _ => fill(&mut s.workloads, n, |id| muster_core::Workload {
                rungs: vec![rung(RungKind::Stop, 1, 1)],
                ..workload(&id, 1, &[])
            }),
        };
        for which in 0..9 {
            let mut s = site();
            fill_one(which, &mut s);
            assert_eq!(s.flaw().is_none(), fits, "list {which} of {n}: {:?}", s.flaw());
        }
    }
}
