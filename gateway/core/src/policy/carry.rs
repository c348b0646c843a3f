//! Votes, orders and troubles under one config, under the next.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{Bypass, Dying, Policy, Subject, Window};
use crate::{ChannelIx, GroupIx, Target, ZoneIx, detect::Detect, moved::Moved, reload::Gone};

impl Policy {
    /// Takes over what was decided. Every vote has a place: zones and groups that hold one have been kept.
    pub(crate) fn take_over(&mut self, old: Self, moved: &Moved, detect: &Detect) -> Gone {
        let mut gone = Gone {
            troubles: Vec::new(),
            orders: Vec::new(),
            bypasses: Vec::new(),
        };
        for ((zone, group), mut vote) in old.votes {
            if let (Some(zone), Some(group)) = (moved.zone(zone), moved.group(group)) {
                vote.dead = vote.dead.and_then(|channel| moved.channel(channel));
                self.votes.insert((zone, group), vote);
            }
        }
        for (zone, state) in (0u16..).map(crate::ZoneIx).zip(old.zones) {
            if let Some(zone) = moved.zone(zone) {
                self.zones[zone.at()] = state;
            }
        }
        for (verb, mut order) in old.pending {
            match moved.principal(order.by) {
                Some(by) => {
                    order.by = by;
                    self.pending.insert(verb, order);
                }
                None => gone.orders.push(verb),
            }
        }
        for (subject, trouble) in old.troubles {
            match still(subject, moved, detect) {
                Some(subject) => drop(self.troubles.insert(subject, trouble)),
                None => gone.troubles.push(subject),
            }
        }
        self.held_by = old.held_by.into_iter().filter_map(|by| moved.principal(by)).collect();
        // The order stands, whatever the file says; without one the file says it.
        if old.arm_ordered {
            (self.armed, self.arm_ordered) = (old.armed, true);
        }
        (self.resets, self.incident, self.own) = (old.resets, old.incident, old.own);
        (self.site_evacuate, self.cut) = (old.site_evacuate, old.cut);
        (self.power, self.power_wake) = (old.power, old.power_wake);
        (self.drills, self.hosts_off) = (old.drills, old.hosts_off);
        gone.bypasses = self.carry_doubts((moved, detect), (old.bypasses, old.withheld), (old.windows, old.dying));
        self.returning = old.returning;
        (self.hold_until, self.aborted, self.level) = (old.hold_until, old.aborted, old.level);
        gone
    }
}

impl Policy {
    /// What is out of service, what may not vote, and what waits for an abort: each stays where its place stays. Bypasses of
    /// what is gone are handed back.
    fn carry_doubts(
        &mut self,
        (moved, detect): (&Moved, &Detect),
        (bypasses, withheld): (BTreeMap<Target, Bypass>, BTreeSet<ChannelIx>),
        (windows, dying): (BTreeMap<ZoneIx, Window>, BTreeMap<(ZoneIx, GroupIx), Dying>),
    ) -> Vec<Target> {
        let target = |target| match target {
            Target::Zone(ix) => moved.zone(ix).map(Target::Zone),
            Target::Source(ix) => moved.source(ix).map(Target::Source),
            Target::Channel(ix) => moved.channel(ix).map(Target::Channel),
        };
        let gone = bypasses.keys().copied().filter(|t| target(*t).is_none()).collect();
        self.bypasses = bypasses
            .into_iter()
            .filter_map(|(t, b)| Some((target(t)?, b)))
            .collect();
        self.withheld = withheld.into_iter().filter_map(|c| moved.channel(c)).collect();
        self.windows = windows
            .into_iter()
            .filter_map(|(z, w)| Some((moved.zone(z)?, w)))
            .collect();
        self.dying = dying
            .into_iter()
            .filter_map(|((zone, group), mut dying)| {
                dying.channel = moved.channel(dying.channel)?;
                let key = (moved.zone(zone)?, moved.group(group)?);
                // Put into another group meanwhile, it says nothing for either.
                let stays = detect.voters(key.0, key.1).contains(&dying.channel);
                stays.then_some((key, dying))
            })
            .collect();
        gone
    }
}

/// The same subject in the new config, if it is still in trouble there.
fn still(subject: Subject, moved: &Moved, detect: &Detect) -> Option<Subject> {
    match subject {
        Subject::Source(ix) => moved.source(ix).filter(|ix| detect.is_silent(*ix)).map(Subject::Source),
        Subject::Channel(ix) => moved.channel(ix).map(Subject::Channel),
    }
}
