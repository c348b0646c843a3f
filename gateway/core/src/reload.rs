//! A config while there is one already: what has been decided and what is known of channels stays, by id.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    sync::Arc,
    vec::Vec,
};

use crate::{
    Channel, DrillOutcome, Effect, EventKind, Millis, Site, State, Workload, ZoneIx,
    moved::Moved,
    plan::{Book, same_ladder},
};

impl State {
    /// Why a config cannot take effect now; none if it can. The first config needs to be sound only.
    #[must_use]
    pub fn refuses(&self, site: &Site) -> Option<String> {
        if let Some(flaw) = site.flaw() {
            return Some(format!("the config cannot be used: {flaw}"));
        }
        if self.site.id.is_empty() {
            return None;
        }
        if site.id != self.site.id || site.simulated != self.site.simulated {
            return Some("`id` and `simulated` of [site] need a restart".into());
        }
        let Some(open) = self.policy.open() else {
            return self.policy.returning.as_ref().and_then(|_| self.step_in_the_way(site));
        };
        if !self.policy.arm_ordered && site.armed != self.policy.armed {
            let id = self.incident_id(open.n);
            return Some(format!("`armed` cannot change while {id} is open: order arm or disarm"));
        }
        self.counts_otherwise(site).or_else(|| self.step_in_the_way(site))
    }

    /// While a vote is latched nothing that votes are counted by may change, or an edit could make one vote two.
    fn counts_otherwise(&self, site: &Site) -> Option<String> {
        if self.policy.votes.is_empty() {
            return None;
        }
        let reset = "while a vote is latched; reset first";
        if site.single_group != self.site.single_group {
            return Some(format!("`single_group` cannot change {reset}"));
        }
        let both = |id: &str| [&*self.site, site].iter().all(|s| s.zones.iter().any(|z| z.id == id));
        if neighbours(&self.site, both) != neighbours(site, both) {
            return Some(format!("`adjacent` cannot change {reset}"));
        }
        self.regrouped(site)
            .map(|(id, zone, group)| format!("{id}: its zone and group cannot change {reset} ({group} in {zone})"))
    }

    /// A channel that voted and is in another zone or group now, or whose source is in another group under whatever name;
    /// and the zone and group it voted for.
    fn regrouped<'a>(&'a self, site: &'a Site) -> Option<(&'a str, &'a str, &'a str)> {
        let place = |s: &'a Site, c: &'a Channel| (&*s.zones[c.zone.at()].id, &*s.groups[c.group.at()].id);
        let known: BTreeMap<&str, &Channel> = site.channels.iter().map(|c| (&*c.id, c)).collect();
        let mut of_source: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        for c in &site.channels {
            let groups = of_source.entry(&site.sources[c.source.at()].id).or_default();
            groups.insert(place(site, c).1, &c.id);
        }
        let voted = |c: &&Channel| self.policy.votes.contains_key(&(c.zone, c.group));
        self.site.channels.iter().filter(voted).find_map(|was| {
            let (zone, group) = place(&self.site, was);
            let moved = known.get(&*was.id).filter(|is| place(site, is) != (zone, group));
            let groups = of_source.get(&*self.site.sources[was.source.at()].id);
            let elsewhere = groups.and_then(|groups| groups.iter().find(|(g, _)| **g != group));
            let id = moved.map(|is| &*is.id).or(elsewhere.map(|(_, id)| *id))?;
            Some((id, zone, group))
        })
    }

    fn step_in_the_way(&self, site: &Site) -> Option<String> {
        let known: BTreeMap<&str, &Workload> = site.workloads.iter().map(|w| (&*w.id, w)).collect();
        let steps = [&self.plan.book, &self.plan.other].into_iter().flat_map(Book::steps);
        steps.into_iter().find_map(|step| {
            let was = &self.site.workloads[step.work.at()];
            let kept = known.get(&*was.id);
            let kept = kept.is_some_and(|is| same_ladder((&self.site, was), (site, is)));
            // Forgotten and there again, it would be begun twice.
            (!kept).then(|| {
                let id = &was.id;
                format!(
                    "workload {id}: it and its rungs stay until a reset, {} was begun",
                    step.id
                )
            })
        })
    }

    /// Takes a further config. One that changes nothing changes nothing at all.
    pub(crate) fn reconfigure(&mut self, now: Millis, site: &Arc<Site>, out: &mut Vec<Effect>) -> bool {
        if self.is_configured_as(site) {
            let line = "config reloaded: nothing that is decided by has changed";
            self.say(EventKind::Config, &self.site.id.clone(), line.into(), out);
            return false;
        }
        let line = format!("config reloaded: {}", differences(&self.site, site));
        self.end_drill(now, DrillOutcome::Interrupted, "another config".into(), out);
        let old = core::mem::replace(self, Self::configured(site.clone(), now));
        (self.seq, self.stored) = (old.seq, old.stored);
        let armed = old.policy.armed;
        for (zone, group) in old.policy.votes.keys() {
            self.keep(&old.site.zones[zone.at()].id, &old.site.groups[group.at()].id);
        }
        let moved = Moved::between(&old.site, &self.site);
        let unable = self.detect.take_over((old.detect, &old.site), &self.site, &moved, now);
        self.plan.take_over((old.plan, &old.site), (&self.site, now), &moved);
        let gone = self.policy.take_over(old.policy, &moved, &self.detect);
        self.spread(now);
        self.detect.out_since(unable);
        self.say(EventKind::Config, &self.site.id.clone(), line, out);
        if self.policy.armed != armed {
            let verb = if self.policy.armed {
                crate::Verb::Arm
            } else {
                crate::Verb::Disarm
            }
            .as_str();
            self.say(EventKind::Order, verb, format!("{verb}: the new config says so"), out);
        }
        for subject in gone.troubles {
            let id: &str = match subject {
                crate::policy::Subject::Source(ix) => &old.site.sources[ix.at()].id,
                crate::policy::Subject::Channel(ix) => &old.site.channels[ix.at()].id,
            };
            self.say(
                EventKind::TroubleCleared,
                id,
                format!("{id}: the new config knows it otherwise"),
                out,
            );
        }
        for target in gone.bypasses {
            let (what, id) = old.site.part(target);
            let line = format!(
                "{} is over: the new config knows it otherwise",
                crate::bypass::of(what, &id)
            );
            let why = "the new config knows it otherwise".into();
            self.record(now, crate::Record::BypassEnded { what, id, why }, out);
            self.say(EventKind::Order, crate::bypass::verb(what), line, out);
        }
        for verb in gone.orders {
            let line = format!("{verb} lapses: who gave it is not in the new config");
            self.say(EventKind::Order, verb, line, out);
        }
        true
    }
}

/// Pairs of zones whose votes count together.
fn neighbours(site: &Site, known: impl Fn(&str) -> bool) -> BTreeSet<(&str, &str)> {
    let id = |z: ZoneIx| site.zones[z.at()].id.as_str();
    let zones = (0u16..).map(ZoneIx).zip(&site.zones);
    let pairs = zones.flat_map(|(z, zone)| zone.adjacent.iter().flat_map(move |o| [(z, *o), (*o, z)]));
    let named = pairs.map(|(a, b)| (id(a), id(b)));
    named.filter(|(a, b)| known(a) && known(b)).collect()
}

fn differences(old: &Site, new: &Site) -> String {
    let lists = [
        ("zones", ids(&old.zones, |z| &z.id), ids(&new.zones, |z| &z.id)),
        ("sources", ids(&old.sources, |s| &s.id), ids(&new.sources, |s| &s.id)),
        ("channels", ids(&old.channels, |c| &c.id), ids(&new.channels, |c| &c.id)),
        ("hooks", ids(&old.hooks, |h| &h.id), ids(&new.hooks, |h| &h.id)),
        (
            "workloads",
            ids(&old.workloads, |w| &w.id),
            ids(&new.workloads, |w| &w.id),
        ),
        (
            "principals",
            ids(&old.principals, |p| &p.id),
            ids(&new.principals, |p| &p.id),
        ),
    ];
    let changed = lists.iter().filter_map(|(what, old, new)| {
        let (came, went) = (new.difference(old).count(), old.difference(new).count());
        (came + went > 0).then(|| format!("{what} +{came} -{went}"))
    });
    let changed: Vec<String> = changed.collect();
    if changed.is_empty() {
        return "the same things, set otherwise".into();
    }
    changed.join(", ")
}

fn ids<T>(list: &[T], id: impl Fn(&T) -> &String) -> BTreeSet<&str> {
    list.iter().map(|item| id(item).as_str()).collect()
}

/// What the new config leaves no place for.
pub(crate) struct Gone {
    pub(crate) troubles: Vec<crate::policy::Subject>,
    pub(crate) orders: Vec<&'static str>,
    /// By the old config's indices.
    pub(crate) bypasses: Vec<crate::Target>,
}
