//! UPSes, feeds and racks, and outages of them.

use std::num::NonZeroU64;

use muster_core::{
    Channel, Feed, FeedIx, FeedKind, Group, HookOutcome, Limit, Millis, Phase, Record, Site, Workload, ZoneIx,
};
use muster_wire::{Micro, Quantity};

use super::{MINUTE, SECOND, Stand, source, units, ups, workload};

/// On battery, charge, runtime, load of UPS `i`: channels 8 + 4 `i` and on.
pub(crate) const OB: [u32; 3] = [8, 12, 16];

pub(crate) fn feed(kind: FeedKind, id: &str, by: &[u16], zones: &[u16]) -> Feed {
    Feed {
        id: id.into(),
        kind,
        zones: zones.iter().copied().map(ZoneIx).collect(),
        by: by.iter().copied().map(FeedIx).collect(),
        needs: 1,
        source: None,
        off: None,
        runtime_ms: None,
    }
}

pub(crate) fn on(rack: &str, id: &str) -> Workload {
    Workload {
        runs_on: rack.into(),
        ..workload(id, 1, &[])
    }
}

pub(crate) fn of_ups(i: u16, quantity: Quantity) -> Channel {
    let mut channel = ups(&format!("ups-{i}.{}", quantity.as_str()), quantity);
    channel.group = muster_core::GroupIx(4 + i);
    channel.source = muster_core::SourceIx(4 + i);
    channel.zone = ZoneIx(i.min(1));
    channel
}

/// `ups-0` in zone a, `ups-1` in zone b, `ups-2` beside it, each a group of its own; rack `r1` on the first two (2N), `ra` on
/// the first alone, each with a workload that moves in 100 s or stops in 20 s. No batteries stand in a or b.
pub(crate) fn paths() -> Site {
    let mut site = super::site();
    for i in 0..3u16 {
        let id = format!("ups-{i}");
        site.groups.push(Group { id: id.clone() });
        site.sources.push(source(&id, &["bus"]));
        let quantities = [Quantity::OnBattery, Quantity::Charge, Quantity::Runtime, Quantity::Load];
        site.channels.extend(quantities.map(|q| of_ups(i, q)));
    }
    let speaks = |i: u16, feed: Feed| Feed {
        source: Some(muster_core::SourceIx(4 + i)),
        ..feed
    };
    site.power.feeds = vec![
        feed(FeedKind::Utility, "grid", &[], &[]),
        speaks(0, feed(FeedKind::Ups, "ups-0", &[0], &[0])),
        speaks(1, feed(FeedKind::Ups, "ups-1", &[0], &[1])),
        feed(FeedKind::Pdu, "pdu-a", &[1], &[0]),
        feed(FeedKind::Pdu, "pdu-b", &[2], &[1]),
        feed(FeedKind::Rack, "r1", &[3, 4], &[2]),
        feed(FeedKind::Rack, "ra", &[3], &[2]),
    ];
    site.workloads = vec![on("r1", "both"), on("ra", "alone")];
    site
}

/// A UPS says so at every poll: on battery, charge in percent, runtime in seconds, load in percent.
#[derive(Clone, Copy)]
pub(crate) struct Says {
    pub battery: bool,
    pub charge: i64,
    pub runtime: i64,
    pub load: i64,
}

pub(crate) const MAINS: Says = Says {
    battery: false,
    charge: 100,
    runtime: 1_800,
    load: 50,
};

impl Says {
    /// Half an hour from full, `t` into it.
    pub(crate) fn drained(t: Millis) -> Self {
        let left = (1_800 - t / SECOND).max(0);
        Self {
            battery: true,
            charge: left * 100 / 1_800,
            runtime: left,
            load: 50,
        }
    }
}

pub(crate) fn poll(stand: &mut Stand, i: usize, says: Says) {
    let percent = |p: i64| Ok(Micro(p * 10_000));
    stand.read(OB[i], i64::from(says.battery));
    stand.sample(OB[i] + 1, percent(says.charge));
    stand.read(OB[i] + 2, says.runtime);
    stand.sample(OB[i] + 3, percent(says.load));
}

/// Every 5 s until then, each UPS by its own story; what goes out is answered at once.
pub(crate) fn play(stand: &mut Stand, ms: Millis, story: impl Fn(usize, Millis) -> Option<Says>) {
    let (begun, end) = (stand.now, stand.now + ms);
    while stand.now < end {
        (0..6).for_each(|smoke| stand.read(smoke, 0));
        for i in 0..3 {
            if let Some(says) = story(i, stand.now - begun) {
                poll(stand, i, says);
            }
        }
        for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify] {
            stand.answer_all(phase, &HookOutcome::Done);
        }
        stand.wait(5 * SECOND);
    }
}

pub(crate) fn calm(stand: &mut Stand) {
    play(stand, MINUTE, |_, _| Some(MAINS));
}

pub(crate) fn evacuated(stand: &Stand) -> Vec<String> {
    let called = stand.called().into_iter();
    called.filter(|step| step.contains("evacuate")).collect()
}

/// Two UPSes run down until something is begun; how long that took.
pub(crate) fn drain(stand: &mut Stand, begun: impl Fn(&Stand) -> bool) -> Millis {
    let mut t = 0;
    while !begun(stand) {
        (0..2).for_each(|i| poll(stand, i, Says::drained(t)));
        stand.answer_all(Phase::Prepare, &HookOutcome::Done);
        stand.wait(5 * SECOND);
        t += 5 * SECOND;
        assert!(t < 30 * MINUTE, "it never begins");
    }
    t
}

/// When and for which racks, by the journal.
pub(crate) fn begun(stand: &Stand) -> Vec<(Millis, Vec<String>)> {
    let racks = stand.entries.iter().filter_map(|e| match &e.record {
        Record::EvacuateBegun { racks: Some(racks), .. } => Some((e.at, racks.clone())),
        _ => None,
    });
    racks.collect()
}

/// Three UPSes of which two carry the rack.
pub(crate) fn n_plus_1() -> Site {
    let mut site = paths();
    let speaks = |i: u16, feed: Feed| Feed {
        source: Some(muster_core::SourceIx(4 + i)),
        ..feed
    };
    site.power.feeds = vec![
        speaks(0, feed(FeedKind::Ups, "ups-0", &[], &[])),
        speaks(1, feed(FeedKind::Ups, "ups-1", &[], &[])),
        speaks(2, feed(FeedKind::Ups, "ups-2", &[], &[])),
        Feed {
            needs: 2,
            ..feed(FeedKind::Pdu, "bus", &[0, 1, 2], &[])
        },
        feed(FeedKind::Rack, "r1", &[3], &[]),
    ];
    site.workloads = vec![on("r1", "both")];
    site
}

/// A thermometer of UPS `i`, watched from 31 on; °C at which it is too hot.
pub(crate) fn thermometer(i: u16, too_hot: i64) -> Channel {
    let limit = |set| Limit {
        set: units(set),
        clear: units(set - 1),
        above: true,
    };
    let mut channel = of_ups(i, Quantity::Temperature);
    (channel.watch, channel.alarm) = (Some(limit(31)), Some(limit(too_hot)));
    channel.checks.rise = NonZeroU64::new(50_000_000);
    // A point for every poll.
    channel.supervision_ms = 15 * SECOND;
    channel
}

/// Without feeds, until the first of two workloads moves; one lane, so that the second has not begun.
pub(crate) fn runs_down_without_feeds() -> Stand {
    let mut site = paths();
    site.power = muster_core::Power::default();
    site.hooks[0].max_parallel = 1;
    let mut stand = Stand::new(site);
    calm(&mut stand);
    drain(&mut stand, |stand| !evacuated(stand).is_empty());
    stand
}

/// Every UPS says that it is on mains.
pub(crate) fn mains_for(stand: &mut Stand, s: i64) {
    for _ in 0..s / 5 {
        (0..3).for_each(|i| poll(stand, i, MAINS));
        stand.read(6, 0);
        stand.wait(5 * SECOND);
    }
}
