//! Abort windows: where one alarm and one doubt have to do, evacuation waits for a person's abort, never longer than the
//! slack that is left. No answer means go; a second vote means go at once.

use alloc::{format, string::String, vec::Vec};

use crate::{
    ChannelIx, Effect, EventKind, GroupIx, Millis, Record, State, ZoneIx,
    detect::{Change, Fate},
    policy::{Dying, Sum, orders::HOLD_MS, votes::RETURN_AFTER_MS},
};

/// A channel that dies within this after a neighbour's alarm counts (design §5).
const DIES_WITHIN_MS: Millis = 60_000;

impl Dying {
    /// When it is known what died with it.
    pub(crate) const fn judged_at(&self) -> Millis {
        self.alarmed_at + DIES_WITHIN_MS
    }
}

impl State {
    pub(crate) fn count_votes(&mut self, now: Millis, out: &mut Vec<Effect>) {
        for zone in (0..self.site.zones.len() as u16).map(ZoneIx) {
            if self.policy.zones[zone.at()].evacuate.is_some() {
                continue;
            }
            match self.policy.counting(&self.site, &self.detect, zone, now) {
                Some(Sum::Evacuate(why)) => self.evacuate(now, zone, why, out),
                Some(Sum::Unless(why, newest)) => self.open_window(now, zone, (why, newest), out),
                None => {}
            }
        }
    }

    fn evacuate(&mut self, now: Millis, zone: ZoneIx, why: String, out: &mut Vec<Effect>) {
        let zone = Some(self.zone_id(zone));
        self.record(now, Record::EvacuateBegun { zone, why, racks: None }, out);
    }

    /// What has been aborted does not open it again; what came later does.
    fn open_window(&mut self, now: Millis, zone: ZoneIx, (why, newest): (String, Millis), out: &mut Vec<Effect>) {
        let state = &self.policy.zones[zone.at()];
        let stood_down = state.stood_down.is_some_and(|at| newest <= at);
        if stood_down || state.evacuate.is_some() || self.policy.windows.contains_key(&zone) {
            return;
        }
        let ms = self.window_ms(now);
        let id = self.zone_id(zone);
        let line = format!("evacuation in {} s unless one person aborts: {why}", ms / 1_000);
        let record = Record::WindowOpened {
            zone: id.clone(),
            until: now + ms,
            why,
        };
        self.record(now, record, out);
        self.say(EventKind::Vote, &id, line, out);
    }

    /// How long a window may be. A clock that has run out already was wrong, or is past helping: it shortens none, or nobody
    /// could ever abort.
    fn window_ms(&self, now: Millis) -> Millis {
        HOLD_MS.min(self.slack(now, &self.scope(now).ahead_of(now)))
    }

    /// Those whose reason or whose time is over, and those for which no slack is left.
    pub(crate) fn close_windows(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if self.policy.windows.is_empty() {
            return;
        }
        for zone in self.policy.windows.keys().copied().collect::<Vec<_>>() {
            // The repair limit was over when it opened; that is not known any more after a restart, nor who is out before
            // everybody has been heard or missed.
            let stands = self.awaits_a_voter(zone) || self.policy.one_is_enough_from(&self.detect, zone).is_some();
            if !stands {
                self.withdraw(now, zone, "what had opened it is over".into(), out);
            }
        }
        let latest = now + self.window_ms(now);
        let mut over = Vec::new();
        for (zone, window) in &mut self.policy.windows {
            window.until = window.until.min(latest);
            if window.until <= now {
                over.push((*zone, (now - window.opened) / 1_000, window.why.clone()));
            }
        }
        for (zone, s, why) in over {
            self.judge_deaths(now, Some(zone), out);
            if !self.policy.windows.contains_key(&zone) {
                continue;
            }
            let why = format!("nobody aborted within {s} s: {why}");
            self.lift(now, zone, &why, out);
            self.evacuate(now, zone, why, out);
        }
    }

    /// Whether one that can vote in a zone or near it has neither been heard nor missed since the start.
    fn awaits_a_voter(&self, zone: ZoneIx) -> bool {
        let near = self.detect.tally.near(zone);
        let groups = near.flat_map(|z| self.detect.groups_in(z).map(move |group| (z, group)));
        let mut voters = groups.flat_map(|(z, group)| self.detect.voters(z, group));
        voters.any(|ix| {
            let state = &self.detect.channels[ix.at()];
            state.value.is_none() && state.fault.is_none()
        })
    }

    /// After a restart nobody knows what was heard meanwhile: what is dying is looked at for as long as before, and a window
    /// does not end before that.
    pub(crate) fn doubt_anew(&mut self, now: Millis) {
        self.policy.dying.values_mut().for_each(|dying| dying.alarmed_at = now);
        let dying: Vec<ZoneIx> = self.policy.dying.keys().map(|(zone, _)| *zone).collect();
        for zone in dying {
            if let Some(window) = self.policy.windows.get_mut(&zone) {
                window.until = window.until.max(now + DIES_WITHIN_MS);
            }
        }
    }

    /// Which channels died just after a neighbour alarmed: fire burns cables.
    pub(crate) fn note_deaths(&mut self, now: Millis, changes: &[Change], out: &mut Vec<Effect>) {
        let mut dead: Vec<ChannelIx> = Vec::new();
        for change in changes {
            match change {
                Change::Fault {
                    channel,
                    fault: Some(fault),
                } if fault.is_death() => dead.push(*channel),
                Change::Silent { channels, .. } => dead.extend(channels),
                _ => {}
            }
        }
        // Of several at once it is the first by name, wherever it stands in the file.
        dead.sort_by(|a, b| self.site.channels[a.at()].id.cmp(&self.site.channels[b.at()].id));
        for channel in dead {
            if let Some((key, dying)) = self.dies_beside_an_alarm(now, channel) {
                self.note_death(now, key, dying, out);
            }
        }
    }

    /// It was good after the alarm, so it died after it; of another group, which can vote in this zone and does not yet. One
    /// that comes and goes was not good: a loose wire beside one lying sensor would evacuate a site.
    fn dies_beside_an_alarm(&self, now: Millis, ix: ChannelIx) -> Option<((ZoneIx, GroupIx), Dying)> {
        let (channel, state) = (self.site.channels.get(ix.at())?, self.detect.channels.get(ix.at())?);
        let key = (channel.zone, channel.group);
        let known = self.policy.votes.contains_key(&key) || self.policy.dying.contains_key(&key);
        let can_vote = !self.detect.voters(key.0, key.1).is_empty() && self.kept_from_voting(now, ix).is_none();
        let steady = state.mended_at.is_none_or(|at| now - at >= RETURN_AFTER_MS);
        if known || !can_vote || !steady || state.value.is_none() || self.policy.zones[key.0.at()].evacuate.is_some() {
            return None;
        }
        let in_time = |at: Millis| state.good_at >= at && now - at <= DIES_WITHIN_MS;
        let mut alarms = self
            .policy
            .votes_in(channel.zone)
            .filter(|(g, v)| *g != channel.group && v.alarms());
        let (group, vote) = alarms.find(|(_, v)| in_time(v.alarmed_at))?;
        let after_ms = now - vote.alarmed_at;
        let why = format!(
            "{} died {}.{} s after {} alarmed beside it",
            channel.id,
            after_ms / 1_000,
            after_ms % 1_000 / 100,
            self.site.groups[group.at()].id
        );
        let dying = Dying {
            channel: ix,
            good_at: state.good_at,
            alarmed_at: vote.alarmed_at,
            why,
        };
        Some((key, dying))
    }

    fn note_death(&mut self, now: Millis, key: (ZoneIx, GroupIx), dying: Dying, out: &mut Vec<Effect>) {
        if let Some(why) = self.no_fire_took_it(&dying, false) {
            let line = format!("{}, which is trouble and no vote: {why}", dying.why);
            self.say(EventKind::Vote, &self.zone_id(key.0), line, out);
            return;
        }
        let record = Record::DeathNoted {
            channel: self.site.channels[dying.channel.at()].id.clone(),
            alarmed_at: dying.alarmed_at,
            why: dying.why.clone(),
        };
        self.record(now, record, out);
        self.open_window(now, key.0, (dying.why, now), out);
    }

    /// Whether it is known by now what those deaths were; of a zone whose slack is used up, without waiting any longer.
    pub(crate) fn judge_deaths(&mut self, now: Millis, at_its_end: Option<ZoneIx>, out: &mut Vec<Effect>) {
        for (key, dying) in self.policy.dying.clone() {
            let due = dying.judged_at() <= now || at_its_end == Some(key.0);
            if let Some(why) = self.no_fire_took_it(&dying, due) {
                self.policy.dying.remove(&key);
                let why = format!("{}, which is no vote: {why}", dying.why);
                self.say(EventKind::Vote, &self.zone_id(key.0), why.clone(), out);
                self.withdraw(now, key.0, why, out);
            } else if due {
                self.policy.dying.remove(&key);
                self.vote(now, dying.channel, (&dying.why, true), out);
            }
        }
    }

    /// The window closes if nothing else keeps it open.
    fn withdraw(&mut self, now: Millis, zone: ZoneIx, why: String, out: &mut Vec<Effect>) {
        let others = self.policy.dying.keys().any(|(z, _)| *z == zone);
        let stands = self.policy.counting(&self.site, &self.detect, zone, now).is_some();
        if self.policy.windows.contains_key(&zone) && !others && !stands {
            let id = self.zone_id(zone);
            self.say(EventKind::Vote, &id, format!("the abort window is closed: {why}"), out);
            let heard = self
                .policy
                .votes_in(zone)
                .filter(|(_, v)| v.died && !v.is_of_the_dead(&self.detect));
            let heard = heard.map(|(group, _)| self.group_id(group)).collect();
            self.record(now, Record::WindowClosed { zone: id, heard, why }, out);
        }
    }

    /// What speaks against it: it is heard again, or something outside the room went silent on the same way.
    fn no_fire_took_it(&self, dying: &Dying, due: bool) -> Option<String> {
        let state = self.detect.channels.get(dying.channel.at())?;
        if state.good_at > dying.good_at {
            return Some("it is heard again".into());
        }
        let source = self.site.channels[dying.channel.at()].source;
        let mut over = self.site.sources[source.at()].over.iter();
        if let Some(part) = over.find(|path| self.policy.own.contains_key(*path)) {
            return Some(format!("{part} itself is in trouble"));
        }
        let within = (dying.alarmed_at, dying.judged_at());
        match self.detect.died_with(&self.site, dying.channel, within) {
            Fate::With(other) => Some(format!(
                "{} outside the room died too",
                self.site.sources[other.at()].id
            )),
            Fate::Unknown(other) if due => {
                let other = &self.site.sources[other.at()].id;
                Some(format!("{other} outside the room has not been heard since either"))
            }
            Fate::Unknown(_) | Fate::Alone => None,
        }
    }
}
