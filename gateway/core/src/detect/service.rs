//! Whether a channel may vote now, what it shares with a reference outside, and what else went silent with it.

use alloc::string::String;

use muster_wire::{MICRO, Micro};

use super::{ChannelState, Detect, Fault};
use crate::{Channel, ChannelIx, Millis, Site, SourceIx, ZoneIx};

/// A contact inhibits for no longer than this at a time: a flag that sticks must not blind a room (NUT's CAL did).
pub(crate) const INHIBIT_MS: Millis = 3_600_000;

/// What else went silent with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing outside its zone that it has its way in common with.
    Alone,
    /// This source died too.
    With(SourceIx),
    /// This source has not been heard since either.
    Unknown(SourceIx),
}

impl ChannelState {
    /// Heard, believed, and not bypassed.
    pub(crate) fn serves(&self) -> bool {
        self.fault.is_none() && !self.bypassed
    }
}

impl Detect {
    /// How much of a channel's value its reference outside shows as well: at most one limit, so that no reference, however
    /// wrong or stolen, hides more than that. Nothing if the reference is not heard or not believed.
    pub(crate) fn outside(&self, site: &Site, ix: ChannelIx, now: Millis) -> Micro {
        let channel = site.channels.get(ix.at());
        let found = channel.and_then(|c| {
            let (reference, limit) = (c.checks.reference?, c.alarm.or(c.watch).filter(|l| l.above)?);
            let shown = self.fresh(site, reference, now)?;
            Some(shown.clamp(Micro(0), limit.set.max(Micro(0))))
        });
        found.unwrap_or(Micro(0))
    }

    /// A value that is believed and no older than its supervision window.
    fn fresh(&self, site: &Site, ix: ChannelIx, now: Millis) -> Option<Micro> {
        let (channel, state) = (site.channels.get(ix.at())?, self.channels.get(ix.at())?);
        let fresh = state.fault.is_none() && now.saturating_sub(state.good_at) < channel.supervision_ms;
        state.value.filter(|_| fresh)
    }

    /// An order takes a channel out of service, or puts it back.
    pub(crate) fn put_out_of_service(&mut self, channel: &Channel, ix: ChannelIx, now: Millis, out: bool) {
        let state = &mut self.channels[ix.at()];
        let served = state.serves();
        state.bypassed = out;
        if state.serves() != served {
            self.tally.serve(channel, now, !served);
        }
    }

    /// Whether what it says may be acted on: neither an order nor a contact keeps it from that.
    pub(crate) fn is_heeded(&self, site: &Site, ix: ChannelIx, now: Millis) -> bool {
        let bypassed = self.channels.get(ix.at()).is_none_or(|c| c.bypassed);
        !bypassed && self.inhibited(site, ix, now).is_none()
    }

    /// Until when a contact keeps a channel from voting, and which; none if none does.
    pub(crate) fn inhibited(&self, site: &Site, ix: ChannelIx, now: Millis) -> Option<(ChannelIx, Millis)> {
        let by = site.channels.get(ix.at())?.checks.inhibited_by?;
        let on = self.fresh(site, by, now)?.0 >= MICRO;
        let until = self.channels.get(by.at())?.value_since.saturating_add(INHIBIT_MS);
        (on && now < until).then_some((by, until))
    }

    /// What outside the channel's zone is heard over the same broker, bus or switch and died within a time, or has not been
    /// heard since the channel was: then it is not a fire that took it.
    pub(crate) fn died_with(&self, site: &Site, ix: ChannelIx, (from, to): (Millis, Millis)) -> Fate {
        let channel = &site.channels[ix.at()];
        let heard_at = self.channels[ix.at()].good_at;
        let (mut died, mut unheard): (Option<SourceIx>, Option<SourceIx>) = (None, None);
        // The first by name, wherever it stands in the file.
        let first = |known: Option<SourceIx>, new: SourceIx| {
            let id = |s: SourceIx| site.sources[s.at()].id.as_str();
            Some(known.filter(|known| id(*known) <= id(new)).unwrap_or(new))
        };
        for path in &site.sources[channel.source.at()].over {
            let (mut anyone, mut heard) = (None, false);
            for (source, other) in self.outside_over(site, path, channel.zone) {
                if other.fault.is_some_and(Fault::is_death) && (from..=to).contains(&other.fault_since) {
                    died = first(died, source);
                }
                anyone = first(anyone, source);
                heard |= other.good_at > heard_at;
            }
            if let Some(source) = anyone.filter(|_| !heard) {
                unheard = first(unheard, source);
            }
        }
        match (died, unheard) {
            (Some(source), _) => Fate::With(source),
            (None, Some(source)) => Fate::Unknown(source),
            (None, None) => Fate::Alone,
        }
    }

    fn outside_over<'a>(
        &'a self,
        site: &'a Site,
        path: &'a String,
        zone: ZoneIx,
    ) -> impl Iterator<Item = (SourceIx, &'a ChannelState)> {
        let sources = (0u16..)
            .map(SourceIx)
            .zip(&site.sources)
            .filter(|(_, s)| s.over.contains(path));
        let channels = sources.flat_map(|(source, _)| self.of_source(source).iter().map(move |c| (source, *c)));
        channels
            .filter(move |(_, c)| site.channels[c.at()].zone != zone)
            .map(|(source, c)| (source, &self.channels[c.at()]))
    }
}
