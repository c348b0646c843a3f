//! Numbers drawn from a seed, and small sites drawn from them: the same seed, the same run, on every machine.

use core::num::NonZeroU64;

use muster_core::{ChannelIx, Checks, Limit, Millis, Priors, Role, RungKind, Site, Workload, WorkloadIx, ZoneIx};
use muster_wire::Quantity;

use super::{SECOND, rung, site, smoke, units, ups, workload};

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to n − 1.
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n.max(1)
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn between(&mut self, low: Millis, high: Millis) -> Millis {
        low + self.below((high - low + 1) as u64) as Millis
    }

    /// A site of up to 3 zones, 3 groups and 6 workloads, that the config loader could have made.
    pub fn site(&mut self) -> Site {
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
        for hook in &mut s.hooks {
            hook.max_parallel = 1 + self.below(3) as u16;
            hook.accepts_drill = !self.one_in(3);
        }
        s.workloads = (0..self.below(6)).map(|i| self.workload(i as u16)).collect();
        s.principals[2].roles = vec![Role::Operator];
        if self.one_in(2) {
            s.priors = Priors {
                loss_earliest_ms: self.between(0, 200) * SECOND,
                ..Priors::default()
            };
        }
        s
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
        w.after = (0..i).filter(|_| self.one_in(3)).map(WorkloadIx).collect();
        let kinds = [RungKind::Move, RungKind::Failover, RungKind::Stop];
        let kept = kinds.into_iter().filter(|_| !self.one_in(3)).collect::<Vec<_>>();
        let kept = if kept.is_empty() { vec![RungKind::Stop] } else { kept };
        w.rungs = kept
            .into_iter()
            .map(|kind| rung(kind, self.below(2) as u16, self.between(0, 300)))
            .collect();
        w
    }
}
