//! After something changed: trouble is named, votes are cast, levels follow, steps go out.

use alloc::{format, string::String, vec::Vec};

use crate::{
    ChannelIx, DrillOutcome, Effect, EventKind, GroupIx, Level, Millis, Record, SourceIx, State, ZoneIx,
    bypass::minutes,
    detect::{Change, Fault},
    policy::{Subject, Vote, levels, orders::PAIR_WITHIN_MS, votes},
};

impl State {
    pub(crate) fn settle(&mut self, now: Millis, changes: &[Change], out: &mut Vec<Effect>) {
        for change in changes {
            self.take_change(now, change, out);
        }
        self.end_bypasses(now, out);
        self.vote_at_last(now, out);
        self.return_votes(now, out);
        self.lapse(now, out);
        self.note_deaths(now, changes, out);
        self.judge_deaths(now, None, out);
        self.count_votes(now, out);
        self.close_windows(now, out);
        self.weigh_power(now, out);
        self.set_levels(out);
        self.drive(now, out);
        self.send_hosts_off(now, out);
        self.drive_drill(now, out);
        self.wake = self
            .policy
            .next_deadline(&self.site, &self.detect, now)
            .into_iter()
            .chain(self.plan.wake)
            .chain(self.drill_wake())
            .chain(self.hosts_wake(now))
            .filter(|at| *at > now)
            .min();
    }

    fn take_change(&mut self, now: Millis, change: &Change, out: &mut Vec<Effect>) {
        match change {
            Change::Alarm { channel, on, why } => {
                self.say(EventKind::Channel, &self.channel_id(*channel), why.clone(), out);
                if *on {
                    self.alarm(now, *channel, why, out);
                } else {
                    self.policy.withheld.remove(channel);
                }
            }
            Change::Watch { channel, why, .. } => {
                self.say(EventKind::Channel, &self.channel_id(*channel), why.clone(), out);
            }
            Change::Fault { channel, fault } => self.channel_fault(now, *channel, *fault, out),
            Change::Heard { channel, fault } => {
                self.name_fault(now, *channel, *fault, out);
                self.source_heard(now, self.site.channels[channel.at()].source, out);
            }
            Change::Silent { source, channels, why } => {
                let id = self.site.sources[source.at()].id.clone();
                let line = format!("{id}: {why} ({} channels)", channels.len());
                self.policy
                    .troubles
                    .insert(Subject::Source(*source), (now, line.clone()));
                self.say(EventKind::Trouble, &id, line, out);
            }
        }
    }

    pub(crate) fn channel_id(&self, ix: ChannelIx) -> String {
        self.site.channels[ix.at()].id.clone()
    }

    fn channel_fault(&mut self, now: Millis, ix: ChannelIx, fault: Option<Fault>, out: &mut Vec<Effect>) {
        if let Some(fault) = fault {
            return self.name_fault(now, ix, fault, out);
        }
        self.fault_over(ix, out);
        self.source_heard(now, self.site.channels[ix.at()].source, out);
    }

    /// Names a channel's fault. Of several channels of one source with the same fault the first is said; all are shown.
    fn name_fault(&mut self, now: Millis, ix: ChannelIx, fault: Fault, out: &mut Vec<Effect>) {
        let id = self.channel_id(ix);
        let what = describe(fault, self.site.channels[ix.at()].quantity.unit().as_str());
        let is_first = !self.has_alike(ix, &what);
        let line = format!("{id}: {what}");
        self.policy.troubles.insert(Subject::Channel(ix), (now, line.clone()));
        if is_first {
            self.say(EventKind::Trouble, &id, line, out);
        }
    }

    /// The fault of a channel is over; of several alike of one source the last is said.
    fn fault_over(&mut self, ix: ChannelIx, out: &mut Vec<Effect>) {
        let Some((_, line)) = self.policy.troubles.remove(&Subject::Channel(ix)) else {
            return;
        };
        let id = self.channel_id(ix);
        let what = fault_in(&line, &id);
        if self.has_alike(ix, what) {
            return;
        }
        let source = self.site.channels[ix.at()].source;
        let said = if is_shared(what) && self.detect.of_source(source).len() > 1 {
            let source = &self.site.sources[source.at()].id;
            format!("{id} is good again; nothing of {source} has this any more: {what}")
        } else {
            format!("{id} is good again")
        };
        self.say(EventKind::TroubleCleared, &id, said, out);
    }

    /// Whether another channel of the same source has this fault now.
    fn has_alike(&self, ix: ChannelIx, what: &str) -> bool {
        if !is_shared(what) {
            return false;
        }
        let of_source = self.detect.of_source(self.site.channels[ix.at()].source);
        of_source.iter().filter(|other| **other != ix).any(|other| {
            let trouble = self.policy.troubles.get(&Subject::Channel(*other));
            trouble.is_some_and(|(_, line)| fault_in(line, &self.site.channels[other.at()].id) == what)
        })
    }

    /// A source that was lost as a whole is heard again as soon as no channel of it is silent: what is wrong with one of
    /// them then is named by itself, and is not what was said when nothing was heard.
    fn source_heard(&mut self, now: Millis, source: SourceIx, out: &mut Vec<Effect>) {
        if self.detect.is_silent(source) {
            return;
        }
        if self.policy.troubles.remove(&Subject::Source(source)).is_some() {
            let source = self.site.sources[source.at()].id.clone();
            self.say(
                EventKind::TroubleCleared,
                &source,
                format!("{source} is heard again"),
                out,
            );
        }
        // What the source's trouble spoke for as well has to speak for itself now.
        for ix in self.detect.of_source(source).to_vec() {
            let fault = self.detect.channels[ix.at()].fault;
            if let Some(fault) = fault.filter(|_| !self.policy.troubles.contains_key(&Subject::Channel(ix))) {
                self.name_fault(now, ix, fault, out);
            }
        }
    }

    /// A channel's alarm is its group's vote in its zone, unless that group votes there already, or the channel may not
    /// vote now.
    fn alarm(&mut self, now: Millis, ix: ChannelIx, why: &str, out: &mut Vec<Effect>) {
        if let Some(kept) = self.kept_from_voting(now, ix) {
            self.policy.withheld.insert(ix);
            let line = format!("it casts no vote: {kept}");
            self.say(EventKind::Channel, &self.channel_id(ix), line, out);
            return;
        }
        let channel = &self.site.channels[ix.at()];
        let key = (channel.zone, channel.group);
        if !self.policy.votes.get(&key).is_some_and(Vote::alarms) {
            return self.vote(now, ix, (why, false), out);
        }
        let channel = self.channel_id(ix);
        self.record(now, Record::AlarmJoined { channel }, out);
    }

    /// Casts a group's vote. `died`: not by an alarm, but because the channel died beside one.
    pub(crate) fn vote(&mut self, now: Millis, ix: ChannelIx, (why, died): (&str, bool), out: &mut Vec<Effect>) {
        let channel = &self.site.channels[ix.at()];
        let (zone, group) = (channel.zone, channel.group);
        let (zone_id, group_id) = (self.zone_id(zone), self.group_id(group));
        self.open_incident(now, &format!("{group_id} votes in {zone_id}: {why}"), out);
        let record = Record::VoteHeld {
            zone: zone_id,
            group: group_id,
            channel: self.channel_id(ix),
            why: why.into(),
            died,
        };
        self.record(now, record, out);
        self.say(
            EventKind::Vote,
            &self.zone_id(zone),
            format!("{} votes: {why}", self.group_id(group)),
            out,
        );
        if died {
            return;
        }
        if let Some(apart) = self.policy.apart(&self.site, &self.detect, (zone, group)) {
            let line = format!("{}: {apart}", self.group_id(group));
            self.say(EventKind::Vote, &self.zone_id(zone), line, out);
        }
        self.lift(now, zone, &format!("new vote: {why}"), out);
    }

    /// A new vote ends what a person had stopped.
    pub(crate) fn lift(&mut self, now: Millis, zone: ZoneIx, why: &str, out: &mut Vec<Effect>) {
        let subject = self.zone_id(zone);
        self.lift_for(now, (&subject, "a new vote"), why, out);
    }

    /// Something new of a zone or of the site ends what a person had stopped before it.
    pub(crate) fn lift_for(&mut self, now: Millis, (id, what): (&str, &str), why: &str, out: &mut Vec<Effect>) {
        if self.policy.aborted || self.policy.holding(now) {
            self.record(now, Record::AbortLifted { why: why.into() }, out);
            self.say(EventKind::Order, id, format!("{what} ends the hold or abort"), out);
        }
    }

    pub(crate) fn open_incident(&mut self, now: Millis, why: &str, out: &mut Vec<Effect>) {
        if self.policy.open().is_some() {
            return;
        }
        self.stop_return(now, why, out);
        let n = self.policy.resets.saturating_add(1);
        self.end_drill(now, DrillOutcome::Interrupted, why.into(), out);
        self.record(now, Record::IncidentOpened { n, why: why.into() }, out);
        let id = self.incident_id(n);
        self.say(EventKind::Incident, &id, format!("{id} opens: {why}"), out);
        if let Some(line) = self.left_where_it_is() {
            self.say(EventKind::Workload, &id, line, out);
        }
    }

    fn return_votes(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let due = |key: &(ZoneIx, GroupIx), vote: &Vote| {
            votes::returns_at(&self.detect, *key, vote).is_some_and(|at| at <= now)
        };
        let held = self.policy.votes.iter().filter(|(_, v)| v.held);
        let returned: Vec<_> = held.filter(|(key, vote)| due(key, vote)).map(|(key, _)| *key).collect();
        for (zone, group) in returned {
            let record = Record::VoteReturned {
                zone: self.zone_id(zone),
                group: self.group_id(group),
            };
            self.record(now, record, out);
            let heard = self.detect.voters(zone, group).iter();
            let why = if heard.into_iter().any(|c| self.detect.channels[c.at()].alarmed) {
                "good and below clear for 30 min"
            } else {
                "what alarmed is not in the config any more, and 30 min have passed"
            };
            let line = format!("{}: {why}; its vote returns and stays latched", self.group_id(group));
            self.say(EventKind::Vote, &self.zone_id(zone), line, out);
        }
    }

    /// Holds and half-given orders end by themselves.
    fn lapse(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if self.policy.hold_until.is_some_and(|until| until <= now) {
            self.policy.hold_until = None;
            self.say(
                EventKind::Order,
                "hold",
                "the hold is over; steps begin again".into(),
                out,
            );
        }
        let old: Vec<&'static str> = self
            .policy
            .pending
            .iter()
            .filter(|(_, p)| p.at + PAIR_WITHIN_MS <= now)
            .map(|(verb, _)| *verb)
            .collect();
        for verb in old {
            self.policy.pending.remove(verb);
            self.say(
                EventKind::Order,
                verb,
                format!("{verb} lapses: no second person within 5 min"),
                out,
            );
        }
    }

    pub(crate) fn set_levels(&mut self, out: &mut Vec<Effect>) {
        for zone in (0..self.site.zones.len() as u16).map(ZoneIx) {
            let (level, why) = levels::of_zone(&self.site, &self.policy, &self.detect, zone);
            let before = core::mem::replace(&mut self.policy.zones[zone.at()].level, level);
            self.policy.zones[zone.at()].why.clone_from(&why);
            if before != level {
                self.say(
                    EventKind::Level,
                    &self.zone_id(zone),
                    format!("{before} -> {level}: {why}"),
                    out,
                );
            }
        }
        let (before, level) = (self.policy.level, self.level());
        if before != level {
            self.policy.level = level;
            self.say(
                EventKind::Level,
                &self.site.id,
                format!("site {before} -> {level}: {}", self.why()),
                out,
            );
        }
    }

    /// The reason for the site's level.
    #[must_use]
    pub fn why(&self) -> String {
        if let Some(why) = &self.policy.site_evacuate {
            return why.clone();
        }
        let power = self.policy.power.as_ref();
        if let Some(power) = power.filter(|_| self.policy.zones.iter().all(|z| z.level < Level::Evacuate)) {
            return power.why.clone();
        }
        let level = self.level();
        let zones = (0u16..).map(ZoneIx).zip(self.policy.zones.iter().zip(&self.site.zones));
        // That nothing can alarm in one zone is no reason why all is well in the others.
        let mute = |zone: &ZoneIx| self.detect.tally.protection(*zone).1 == 0;
        let worst = zones
            .filter(|(_, (state, _))| state.level == level)
            .min_by_key(|(ix, _)| mute(ix));
        worst.map_or_else(String::new, |(_, (state, zone))| format!("{}: {}", zone.id, state.why))
    }

    pub(crate) fn subject_id(&self, subject: Subject) -> &str {
        match subject {
            Subject::Source(ix) => &self.site.sources[ix.at()].id,
            Subject::Channel(ix) => &self.site.channels[ix.at()].id,
        }
    }

    pub(crate) fn zone_id(&self, ix: ZoneIx) -> String {
        self.site.zones[ix.at()].id.clone()
    }

    pub(crate) fn group_id(&self, ix: GroupIx) -> String {
        self.site.groups[ix.at()].id.clone()
    }
}

/// Whether a fault, in words, is that of a whole source: it warms up, or is inhibited. Each cut wire is one of its own.
pub(crate) fn is_shared(what: &str) -> bool {
    ["no value (warmup)", "no value (config)"].contains(&what)
}

/// What the line of a channel's trouble says of it.
pub(crate) fn fault_in<'a>(line: &'a str, id: &str) -> &'a str {
    line.strip_prefix(id)
        .and_then(|rest| rest.strip_prefix(": "))
        .unwrap_or(line)
}

/// A fault in words; `unit` is of the channel's quantity.
pub(crate) fn describe(fault: Fault, unit: &str) -> String {
    match fault {
        Fault::Absent(reason) => format!("no value ({})", reason.as_str()),
        Fault::Range(value) => format!("{value} {unit} cannot be; not believed"),
        Fault::Simulated => "a simulated reading at a real site; not believed".into(),
        Fault::Stale { age_ms } => format!("no good reading for {}.{} s", age_ms / 1_000, age_ms % 1_000 / 100),
        Fault::Lost => "its source is gone".into(),
        Fault::Reported => "the device reports a fault of its own".into(),
        Fault::Jump(value) => {
            format!("{value} {unit} came faster than it can change; not believed unless the next sample bears it out")
        }
        Fault::Stuck { ms } => format!(
            "exactly the same value for {}; not believed until it moves",
            minutes(ms)
        ),
    }
}
