//! Out of service, with owner, reason and end; and planned work, during which limits fall. Bypassing a rack never bypasses
//! its room: only sources and channels can be, and what else is in their rooms looks closer meanwhile.

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use crate::{
    Answer, ChannelIx, Effect, EventKind, GroupIx, Millis, Part, PrincipalIx, Record, Role, Site, SourceIx, State,
    Target, ZoneIx,
    detect::Detect,
    effect::Verdict,
    policy::{Bypass, Policy, REPAIR_MS, Vote},
};

/// No bypass lasts longer: it is the time in which a failed group has to be repaired. It can be ordered anew.
const LONGEST_MS: Millis = REPAIR_MS;

/// One order.
pub(crate) struct Order {
    pub(crate) by: PrincipalIx,
    pub(crate) target: Target,
    /// None: it ends now.
    pub(crate) until: Option<Millis>,
    pub(crate) reason: String,
}

/// Names in a sentence, at most the first eight of the alphabet, however the config orders them: of what somebody may have meant.
pub(crate) fn there_are<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let (mut first, mut all) = (BTreeSet::new(), 0);
    for name in names {
        all += 1;
        first.insert(name);
        if first.len() > 8 {
            first.pop_last();
        }
    }
    let named = first.iter().copied().collect::<Vec<_>>().join(", ");
    match all - first.len() {
        _ if all == 0 => "there is none".into(),
        0 => format!("there are: {named}"),
        more => format!("there are: {named} and {more} more"),
    }
}

impl State {
    pub(crate) fn bypass(&mut self, now: Millis, order: &Order, nonce: u64, out: &mut Vec<Effect>) {
        let person = self.site.principals.get(order.by.at());
        let by: String = person.map_or_else(|| "unknown".into(), |p| p.id.clone());
        let (what, id) = self.site.part(order.target);
        let (verdict, why) = if let Some(why) = self.refuses_bypass(now, order) {
            let refused = Record::BypassRefused {
                what,
                id,
                by,
                why: why.clone(),
            };
            self.record(now, refused, out);
            (Verdict::Refused, why)
        } else {
            (Verdict::Taken, self.obey_bypass(now, (what, &id), &by, order, out))
        };
        self.say(EventKind::Order, verb(what), format!("{verdict}: {why}"), out);
        out.push(Effect::Answer(Answer { nonce, verdict, why }));
    }

    fn obey_bypass(
        &mut self,
        now: Millis,
        (what, id): (Part, &str),
        by: &str,
        order: &Order,
        out: &mut Vec<Effect>,
    ) -> String {
        let (id, by, reason): (String, String, String) = (id.into(), by.into(), order.reason.clone());
        let Some(until) = order.until else {
            let why = format!("{by} ends it");
            let record = Record::BypassEnded {
                what,
                id: id.clone(),
                why,
            };
            self.record(now, record, out);
            return format!("{} ended by {by}", of(what, &id));
        };
        let line = format!("{} by {by} for {}: {reason}", of(what, &id), minutes(until - now));
        let record = Record::Bypassed {
            what,
            id,
            by,
            reason,
            until,
        };
        self.record(now, record, out);
        line
    }

    fn refuses_bypass(&self, now: Millis, order: &Order) -> Option<String> {
        let Some(person) = self.site.principals.get(order.by.at()) else {
            return Some("unknown principal".into());
        };
        if !person.roles.contains(&Role::Safety) {
            return Some(format!("{} does not have the role safety, which this needs", person.id));
        }
        let (what, id) = self.site.part(order.target);
        if id.is_empty() {
            let known: Vec<&str> = match what {
                Part::Zone => self.site.zones.iter().map(|z| z.id.as_str()).collect(),
                Part::Source | Part::Channel => self.site.sources.iter().map(|s| s.id.as_str()).collect(),
            };
            return Some(format!(
                "this site has no such {what}; {}",
                there_are(known.into_iter())
            ));
        }
        let Some(until) = order.until else {
            let known = self.policy.bypasses.contains_key(&order.target);
            return (!known).then(|| format!("nothing is in force for {what} {id}"));
        };
        if order.reason.trim().is_empty() {
            return Some("it needs a reason, in a line".into());
        }
        if until <= now || until - now > LONGEST_MS {
            return Some("it lasts for 8 hours at most; then it can be ordered anew".into());
        }
        self.leaves_too_few(order.target)
    }

    /// A bypass that leaves a room with fewer groups than it needs is refused: put a detector there first.
    fn leaves_too_few(&self, target: Target) -> Option<String> {
        let gone: BTreeSet<ChannelIx> = self.channels_of(target).collect();
        let needed = if self.site.single_group { 1 } else { 2 };
        for zone in (0..self.site.zones.len() as u16).map(ZoneIx) {
            let (before, _) = self.detect.tally.protection(zone);
            let left = self.able_without(zone, &gone);
            if left < needed && left < before {
                let zone = &self.site.zones[zone.at()].id;
                return Some(format!(
                    "{left} of {before} groups could still vote in {zone}, and {needed} are needed; put another detector \
                     there first"
                ));
            }
        }
        None
    }

    fn able_without(&self, zone: ZoneIx, gone: &BTreeSet<ChannelIx>) -> u16 {
        let able = |group: GroupIx| {
            let near = self.detect.tally.near(zone);
            let voters = near.flat_map(|z| self.detect.voters(z, group));
            voters
                .into_iter()
                .any(|c| !gone.contains(c) && self.detect.channels[c.at()].serves())
        };
        let groups = (0..self.site.groups.len() as u16).map(GroupIx);
        groups.filter(|group| able(*group)).count() as u16
    }

    fn channels_of(&self, target: Target) -> impl Iterator<Item = ChannelIx> + '_ {
        let of_source = match target {
            Target::Source(source) => self.detect.of_source(source),
            Target::Zone(_) | Target::Channel(_) => &[],
        };
        let one = match target {
            Target::Channel(channel) => Some(channel),
            Target::Zone(_) | Target::Source(_) => None,
        };
        of_source.iter().copied().chain(one)
    }

    pub(crate) fn take_bypass(&mut self, at: Millis, (what, id): (Part, &str), by: &str, reason: &str, until: Millis) {
        let Some(target) = self.site.target(what, id) else {
            return;
        };
        let bypass = Bypass {
            by: by.into(),
            reason: reason.into(),
            since: at,
            until: until.clamp(0, crate::step::FAR),
        };
        self.policy.bypasses.insert(target, bypass);
        self.spread(at);
    }

    pub(crate) fn drop_bypass(&mut self, at: Millis, what: Part, id: &str) {
        if let Some(target) = self.site.target(what, id) {
            self.policy.bypasses.remove(&target);
            self.spread(at);
        }
    }

    /// What the orders in force make of channels and zones.
    pub(crate) fn spread(&mut self, now: Millis) {
        let orders = &self.policy.bypasses;
        let mut at_work: BTreeSet<ZoneIx> = BTreeSet::new();
        at_work.extend(orders.keys().filter_map(|t| match t {
            Target::Zone(zone) => Some(*zone),
            Target::Source(_) | Target::Channel(_) => None,
        }));
        for (ix, channel) in (0u32..).map(ChannelIx).zip(&self.site.channels) {
            let on = orders.contains_key(&Target::Channel(ix)) || orders.contains_key(&Target::Source(channel.source));
            if on {
                at_work.insert(channel.zone);
            }
            self.detect.put_out_of_service(channel, ix, now, on);
        }
        self.detect.at_work = at_work;
    }

    /// Those whose time is over.
    pub(crate) fn end_bypasses(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let over = self.policy.bypasses.iter().filter(|(_, b)| b.until <= now);
        let mut over: Vec<(Part, String, String)> = over
            .map(|(target, bypass)| {
                let (what, id) = self.site.part(*target);
                (what, id, bypass.by.clone())
            })
            .collect();
        // Several at once end by name, wherever they stand in the file.
        over.sort();
        for (what, id, by) in over {
            let line = format!("{} by {by} is over: its time has passed", of(what, &id));
            let why = "its time has passed".into();
            self.record(now, Record::BypassEnded { what, id, why }, out);
            self.say(EventKind::Order, verb(what), line, out);
        }
    }

    /// Why a channel in alarm casts no vote now.
    pub(crate) fn kept_from_voting(&self, now: Millis, ix: ChannelIx) -> Option<String> {
        let channel = self.site.channels.get(ix.at())?;
        let orders = &self.policy.bypasses;
        let of_channel = orders.get(&Target::Channel(ix));
        if let Some(bypass) = of_channel.or_else(|| orders.get(&Target::Source(channel.source))) {
            let left = minutes(bypass.until - now);
            return Some(format!("bypassed by {} for {left} more: {}", bypass.by, bypass.reason));
        }
        let (by, until) = self.detect.inhibited(&self.site, ix, now)?;
        let by = &self.site.channels[by.at()].id;
        Some(format!("{by} is on (for {} more at most)", minutes(until - now)))
    }

    /// Channels still in alarm that may vote now.
    pub(crate) fn vote_at_last(&mut self, now: Millis, out: &mut Vec<Effect>) {
        // One that is not heard by now, or not believed, is trouble: what it said during the bypass was not for a vote. And
        // one that has come back clear waits: it is over, or shows it again.
        let may =
            |ix: &ChannelIx| self.detect.channels[ix.at()].shows_alarm() && self.kept_from_voting(now, *ix).is_none();
        let mut free: Vec<ChannelIx> = self.policy.withheld.iter().copied().filter(may).collect();
        // Of several at once it is the first by name that speaks, wherever it stands in the file.
        free.sort_by(|a, b| self.site.channels[a.at()].id.cmp(&self.site.channels[b.at()].id));
        for ix in free {
            self.policy.withheld.remove(&ix);
            let channel = &self.site.channels[ix.at()];
            if self
                .policy
                .votes
                .get(&(channel.zone, channel.group))
                .is_some_and(Vote::alarms)
            {
                continue;
            }
            let value = self.detect.channels[ix.at()].value.unwrap_or_default();
            let unit = channel.quantity.unit().as_str();
            let why = format!(
                "{} is still in alarm at {value} {unit} now that it may vote again",
                channel.id
            );
            self.vote(now, ix, (&why, false), out);
        }
    }
}

impl Policy {
    /// The order to name for a zone in which something is out of service or people work.
    pub(crate) fn bypass_in(&self, site: &Site, detect: &Detect, zone: ZoneIx) -> Option<String> {
        let here = |target: &Target| match *target {
            Target::Zone(z) => z == zone,
            Target::Source(s) => detect.of_source(s).iter().any(|c| site.channels[c.at()].zone == zone),
            Target::Channel(c) => site.channels.get(c.at()).is_some_and(|c| c.zone == zone),
        };
        let in_force = self.bypasses.iter().filter(|(target, _)| here(target));
        let named = in_force.map(|(target, bypass)| (site.part(*target), bypass));
        // The first by name, wherever it stands in the file.
        let ((what, id), bypass) = named.min_by(|(a, _), (b, _)| a.cmp(b))?;
        Some(format!(
            "{} by {}: {}; alarm limits are lower",
            of(what, &id),
            bypass.by,
            bypass.reason
        ))
    }
}

impl Site {
    /// What a target is, and its id; an empty one if there is no such thing.
    pub(crate) fn part(&self, target: Target) -> (Part, String) {
        let (part, id) = match target {
            Target::Zone(ix) => (Part::Zone, self.zones.get(ix.at()).map(|z| &z.id)),
            Target::Source(ix) => (Part::Source, self.sources.get(ix.at()).map(|s| &s.id)),
            Target::Channel(ix) => (Part::Channel, self.channels.get(ix.at()).map(|c| &c.id)),
        };
        (part, id.cloned().unwrap_or_default())
    }

    /// The other way round.
    #[must_use]
    pub fn target(&self, part: Part, id: &str) -> Option<Target> {
        let at = match part {
            Part::Zone => self.zones.iter().position(|z| z.id == id),
            Part::Source => self.sources.iter().position(|s| s.id == id),
            Part::Channel => self.channels.iter().position(|c| c.id == id),
        }?;
        match part {
            Part::Zone => u16::try_from(at).ok().map(|at| Target::Zone(ZoneIx(at))),
            Part::Source => u16::try_from(at).ok().map(|at| Target::Source(SourceIx(at))),
            Part::Channel => u32::try_from(at).ok().map(|at| Target::Channel(ChannelIx(at))),
        }
    }
}

/// The word on the command line.
pub(crate) const fn verb(what: Part) -> &'static str {
    match what {
        Part::Zone => "work",
        Part::Source | Part::Channel => "bypass",
    }
}

/// `planned work in battery-room`, `bypass of node-1`.
pub(crate) fn of(what: Part, id: &str) -> String {
    match what {
        Part::Zone => format!("planned work in {id}"),
        Part::Source | Part::Channel => format!("bypass of {id}"),
    }
}

/// `1 h 05 min`.
pub(crate) fn minutes(ms: Millis) -> String {
    let min = (ms.max(0) + 59_999) / 60_000;
    format!("{} h {:02} min", min / 60, min % 60)
}
