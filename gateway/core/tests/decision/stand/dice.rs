//! Numbers drawn from a seed, and small sites drawn from them: the same seed, the same run, on every machine.

use core::num::NonZeroU64;

use muster_core::{
    ChannelIx, Checks, Destination, Feed, FeedIx, FeedKind, Limit, Millis, OnBattery, Priors, Role, RungKind, Site,
    SourceIx, Workload, WorkloadIx, ZoneIx,
};
use muster_wire::Quantity;

use super::{SECOND, rung, site, smoke, units, ups, workload};

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to n − 1.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.roll() % n.max(1)
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn between(&mut self, low: Millis, high: Millis) -> Millis {
        low + self.below((high - low + 1) as u64) as Millis
    }

    /// A site of up to 3 zones, 3 groups and 6 workloads, that the config loader could have made.
    pub(crate) fn site(&mut self) -> Site {
        let mut s = site();
        (s.armed, s.single_group, s.simulated) = (!self.one_in(3), self.one_in(4), self.one_in(4));
        for zone in &mut s.zones {
            zone.adjacent.clear();
        }
        for (a, b) in [(0, 1), (1, 2), (0, 2)] {
            if self.one_in(2) {
                s.zones[a].adjacent.push(ZoneIx(b as u16));
                s.zones[b].adjacent.push(ZoneIx(a as u16));
            }
        }
        s.channels.clear();
        for i in 0..2 + self.below(7) {
            let node = self.below(3) as u16;
            let mut c = smoke(&format!("c{i}"), self.below(3) as u16, node, node);
            c.n = 1 + self.below(4) as u8;
            c.k = 1 + self.below(u64::from(c.n)) as u8;
            if self.one_in(4) {
                let (set, clear) = (units(2), units(4));
                let below = Limit {
                    set,
                    clear,
                    above: false,
                };
                (c.alarm, c.watch) = (Some(below), None);
            }
            c.checks = self.checks(i);
            s.channels.push(c);
        }
        if self.one_in(2) {
            s.channels
                .extend([ups("ob", Quantity::OnBattery), ups("rt", Quantity::Runtime)]);
        }
        if self.one_in(2) {
            s.channels.push(ups("ch", Quantity::Charge));
            self.power(&mut s);
        }
        for hook in &mut s.hooks {
            hook.max_parallel = 1 + self.below(3) as u16;
            hook.accepts_drill = !self.one_in(3);
        }
        s.workloads = (0..self.below(6)).map(|i| self.workload(i as u16)).collect();
        for (id, room) in [("far", self.below(5)), ("near", self.below(3))] {
            if self.one_in(2) {
                let (id, room) = (id.into(), Some(room as u32));
                s.destinations.push(Destination { id, room });
            }
        }
        s.principals[2].roles = vec![Role::Operator];
        if self.one_in(2) {
            s.priors = Priors {
                loss_earliest_ms: self.between(0, 200) * SECOND,
                ..Priors::default()
            };
        }
        s
    }

    /// Feeds of any shape: each by some of those before it, some of them UPSes, the last ones racks.
    fn power(&mut self, s: &mut Site) {
        s.power.generator_grace_ms = self.between(0, 90) * SECOND;
        if self.one_in(3) {
            s.power.on_battery = OnBattery::StopLastRung;
        }
        s.power.battery_rooms = (0..3u16).filter(|_| self.one_in(6)).map(ZoneIx).collect();
        let count = 1 + self.below(7) as u16;
        for i in 0..count {
            let by: Vec<FeedIx> = (0..i).filter(|_| self.one_in(2)).map(FeedIx).collect();
            let kind = match i + 2 {
                last if last >= count => FeedKind::Rack,
                _ => [FeedKind::Utility, FeedKind::Ups, FeedKind::Pdu, FeedKind::Ups][self.below(4) as usize],
            };
            s.power.feeds.push(Feed {
                id: format!("r{i}"),
                kind,
                zones: (0..3u16).filter(|_| self.one_in(4)).map(ZoneIx).collect(),
                needs: 1 + self.below(by.len().max(1) as u64) as u16,
                by,
                source: (kind == FeedKind::Ups).then(|| SourceIx(self.below(4) as u16)),
                off: self
                    .one_in(5)
                    .then(|| ChannelIx(self.below(s.channels.len() as u64) as u32)),
                runtime_ms: self.one_in(3).then(|| self.between(60, 1_800) * SECOND),
            });
        }
    }

    /// Of channel `i`: it may lean on those before it.
    fn checks(&mut self, i: u64) -> Checks {
        let one_in_3 = |dice: &mut Self, most: u64| {
            let drawn = NonZeroU64::new(1 + dice.below(most));
            drawn.filter(|_| dice.one_in(3))
        };
        let other = |dice: &mut Self| (i > 0 && dice.one_in(4)).then(|| ChannelIx(dice.below(i) as u32));
        Checks {
            jump: one_in_3(self, 20_000_000),
            stuck_ms: one_in_3(self, 100_000),
            rise: one_in_3(self, 60_000_000),
            trend: one_in_3(self, 600_000_000),
            off_ms: if self.one_in(3) { self.below(60_000) as u32 } else { 0 },
            reference: other(self),
            inhibited_by: other(self),
        }
    }

    fn workload(&mut self, i: u16) -> Workload {
        let mut w = workload(&format!("w{i}"), 1 + self.below(3) as u8, &[]);
        w.runs_on = format!("r{}", self.below(8));
        w.after = (0..i).filter(|_| self.one_in(3)).map(WorkloadIx).collect();
        let kinds = [RungKind::Move, RungKind::Failover, RungKind::Stop];
        let kept = kinds.into_iter().filter(|_| !self.one_in(3)).collect::<Vec<_>>();
        let kept = if kept.is_empty() { vec![RungKind::Stop] } else { kept };
        w.rungs = kept
            .into_iter()
            .map(|kind| rung(kind, self.below(2) as u16, self.between(0, 300)))
            .collect();
        for rung in w.rungs.iter_mut().filter(|r| r.kind == RungKind::Failover) {
            rung.to = self.one_in(2).then(|| "near".into());
        }
        w.room = self.below(3) as u32;
        w
    }
}
