//! Silence is trouble: what is not heard within its supervision window is named, and decides nothing.

use alloc::{collections::BTreeMap, format, vec::Vec};

use super::{Change, Detect, Fault};
use crate::{ChannelIx, Millis, Site, SourceIx};

impl Detect {
    /// When the age of some channel has to be looked at.
    pub(crate) fn next_check(&self) -> Option<Millis> {
        self.checks.first().map(|(at, _)| *at)
    }

    /// Looks at every channel whose time has come.
    pub(crate) fn look_for_silence(&mut self, site: &Site, now: Millis, changes: &mut Vec<Change>) {
        let mut stale = Vec::new();
        while let Some(&(at, ix)) = self.checks.first() {
            if at > now {
                break;
            }
            self.checks.pop_first();
            let window = site.channels[ix.at()].supervision_ms;
            let due = self.channels[ix.at()].good_at + window;
            if due > now {
                self.checks.insert((due, ix));
            } else {
                self.checks.insert((now + window, ix));
                stale.push(ix);
            }
        }
        self.mark_stale(site, now, &stale, changes);
    }

    /// The source's transport says that it is gone: all its channels at once.
    pub(crate) fn lose_source(
        &mut self,
        site: &Site,
        now: Millis,
        (source, why): (SourceIx, &str),
        changes: &mut Vec<Change>,
    ) {
        let fresh: Vec<ChannelIx> = self.of_source(source).to_vec();
        let fresh: Vec<ChannelIx> = fresh
            .into_iter()
            .filter(|c| self.fail(site, *c, now, Fault::Lost))
            .collect();
        if !fresh.is_empty() {
            changes.push(Change::Silent {
                source,
                channels: fresh,
                why: why.into(),
            });
        }
    }

    /// Puts a channel at fault; whether it was well before.
    fn fail(&mut self, site: &Site, ix: ChannelIx, now: Millis, fault: Fault) -> bool {
        let state = &mut self.channels[ix.at()];
        let (was_well, served) = (state.fault.is_none(), state.serves());
        state.bad(ix, now, fault, &mut Vec::new());
        if was_well {
            self.tally.fault(&site.channels[ix.at()], true);
        }
        if served {
            self.tally.serve(&site.channels[ix.at()], now, false);
        }
        was_well
    }

    /// One line for a source of which nothing is heard any more, else one a channel.
    fn mark_stale(&mut self, site: &Site, now: Millis, stale: &[ChannelIx], changes: &mut Vec<Change>) {
        let mut fresh: BTreeMap<SourceIx, Vec<ChannelIx>> = BTreeMap::new();
        for &ix in stale {
            let state = &self.channels[ix.at()];
            let age_ms = now - state.good_at;
            if state.fault.is_none() && self.fail(site, ix, now, Fault::Stale { age_ms }) {
                fresh.entry(site.channels[ix.at()].source).or_default().push(ix);
            }
        }
        for (source, channels) in fresh {
            let all = self.of_source(source);
            if channels.len() > 1 && all.iter().all(|c| self.channels[c.at()].fault.is_some()) {
                let last = channels.iter().map(|c| self.channels[c.at()].good_at).max();
                let age_ms = now - last.unwrap_or(now);
                let why = format!("nothing heard for {}.{} s", age_ms / 1_000, age_ms % 1_000 / 100);
                changes.push(Change::Silent { source, channels, why });
            } else {
                changes.extend(channels.into_iter().map(|channel| Change::Fault {
                    channel,
                    fault: self.channels[channel.at()].fault,
                }));
            }
        }
    }
}
