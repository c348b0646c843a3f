//! Batteries against the plan: whether what they leave is still enough for what has to be done (design §5 "Power path").

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    Effect, EventKind, Millis, OnBattery, Power, Record, State, WorkloadIx,
    plan::{Plan, Scope, schedule},
    policy::{
        feeds::{self, Burning},
        outage::{self, Ending, LOOK_MS, MAINS_STABLE_MS, Outage},
    },
};

impl State {
    /// Begins an evacuation for power's sake when the batteries would end before it does, and holds it once the mains are
    /// back for good.
    pub(crate) fn weigh_power(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let begun = self.policy.power.as_ref().filter(|p| !p.held);
        if begun.is_none() && !self.detect.tally.is_any_on_battery() {
            self.policy.power_wake =
                feeds::ripens(&self.site, &self.detect, now).then_some(now.saturating_add(LOOK_MS));
            return;
        }
        self.policy.power_wake = Some(now.saturating_add(LOOK_MS));
        let outage = outage::of(&self.site, &self.policy, &self.detect, now);
        let carried = begun.is_some_and(|p| outage::mains_carry(&self.site, &self.detect, now, &p.racks));
        let back = carried && !outage.threatened.iter().any(|e| self.is_of_power(e));
        self.mains_are_back(now, back, out);
        self.begin_for_power(now, &outage, out);
    }

    /// Whether it is one of those that evacuate for power's sake.
    fn is_of_power(&self, ending: &Ending) -> bool {
        let rack = ending.rack.map(|rack| &self.site.power.feeds[rack.at()].id);
        let power = self.policy.power.as_ref();
        power.is_some_and(|power| rack.is_none_or(|rack| power.racks.contains(rack)))
    }

    fn mains_are_back(&mut self, now: Millis, back: bool, out: &mut Vec<Effect>) {
        let Some(power) = self.policy.power.as_mut().filter(|p| !p.held) else {
            return;
        };
        if !back {
            power.mains_since = None;
            return;
        }
        let since = *power.mains_since.get_or_insert(now);
        if now < since + MAINS_STABLE_MS {
            self.policy.power_wake = self
                .policy
                .power_wake
                .into_iter()
                .chain([since + MAINS_STABLE_MS])
                .min();
            return;
        }
        let why = String::from("the mains have been stable for 120 s: what has not begun waits; two persons reset");
        self.record(now, Record::PowerHeld { why: why.clone() }, out);
        self.say(EventKind::Level, &self.site.id.clone(), why, out);
    }

    fn begin_for_power(&mut self, now: Millis, outage: &Outage, out: &mut Vec<Effect>) {
        let fresh: Vec<Ending> = outage.counting.iter().filter(|e| self.is_new(e)).copied().collect();
        if fresh.is_empty()
            || Burning::Evacuating.dooms_all(&self.site, &self.policy) && self.policy.burns_or_is_ordered()
        {
            return;
        }
        let needs_ms = self.plan_needs_ms(now, &outage.counting);
        let due = |e: &Ending| {
            let rack = e.rack.map(|rack| self.site.power.feeds[rack.at()].id.as_str());
            e.earliest - needs_ms - self.hosts_last_ms(rack) - Power::MARGIN_MS
        };
        let ahead = fresh.iter().map(due).filter(|at| *at > now).min();
        let begins: Vec<Ending> = fresh.iter().filter(|e| due(e) <= now).copied().collect();
        self.policy.power_wake = self.policy.power_wake.into_iter().chain(ahead).min();
        let Some(first) = begins.iter().min_by_key(|e| (e.earliest, e.battery.source)).copied() else {
            return;
        };
        let why = self.why_for_power(now, &first, needs_ms);
        self.open_incident(now, &why, out);
        let feeds = &self.site.power.feeds;
        let racks = begins
            .iter()
            .filter_map(|e| e.rack)
            .map(|rack| feeds[rack.at()].id.clone());
        let racks = Some(racks.collect());
        // Whoever aborted or held has not seen these end.
        let id = self.site.id.clone();
        self.lift_for(now, (&id, "another outage"), &why, out);
        self.record(now, Record::EvacuateBegun { zone: None, why, racks }, out);
    }

    /// It does not evacuate for power's sake already, or does so and is held.
    fn is_new(&self, ending: &Ending) -> bool {
        self.policy.power.as_ref().is_none_or(|power| power.held) || !self.is_of_power(ending)
    }

    /// Time that is needed for everything on these racks, by the best rungs or by the last ones, as the owner has chosen.
    fn plan_needs_ms(&self, now: Millis, endings: &[Ending]) -> Millis {
        let racks: BTreeSet<_> = endings.iter().filter_map(|e| e.rack).collect();
        let all = || (0..self.site.workloads.len() as u16).map(WorkloadIx);
        let mut scope = Scope::of_all(None);
        let keeps = |w: &WorkloadIx| self.plan.rack_of(*w).is_some_and(|rack| !racks.contains(&rack));
        scope.waits = all().filter(keeps).collect();
        if self.site.power.on_battery == OnBattery::StopLastRung {
            scope.last_only = all().collect();
        }
        let end = if self.policy.open().is_some() {
            schedule::end(&self.site, &self.plan, now, &scope)
        } else {
            // As it will be carried out: an order to arm counts, whatever the file says.
            let mut plan = Plan::new(&self.site);
            plan.times.clone_from(&self.plan.times);
            plan.change_mode(self.mode());
            schedule::end(&self.site, &plan, now, &scope)
        };
        end.map_or(0, |end| end - now)
    }

    fn why_for_power(&self, now: Millis, first: &Ending, needs_ms: Millis) -> String {
        let what = first.rack.map_or_else(
            || "the site".to_string(),
            |rack| format!("rack {}", self.site.power.feeds[rack.at()].id),
        );
        let left_s = (first.earliest - now).max(0) / 1_000;
        let does = match self.site.power.on_battery {
            OnBattery::Evacuate => "the plan",
            OnBattery::StopLastRung => "a clean stop",
        };
        format!(
            "{what} may be without power in {left_s} s, and {does} needs {} s and a minute to spare: {}",
            needs_ms / 1_000,
            first.battery.why(&self.site, &self.detect)
        )
    }
}
