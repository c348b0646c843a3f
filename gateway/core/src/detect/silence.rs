//! Silence is trouble: what is not heard within its supervision window is named, and decides nothing.

use alloc::{format, vec::Vec};

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
    pub(crate) fn lose_source(&mut self, source: SourceIx, now: Millis, why: &str, changes: &mut Vec<Change>) {
        let mut fresh = Vec::new();
        for i in 0..self.of_source(source).len() {
            let ix = self.of_source(source)[i];
            let mut told = Vec::new();
            self.channels[ix.at()].bad(ix, now, Fault::Lost, &mut told);
            if !told.is_empty() {
                fresh.push(ix);
            }
        }
        if !fresh.is_empty() {
            changes.push(Change::Silent {
                source,
                channels: fresh,
                why: why.into(),
            });
        }
    }

    /// One line for a source of which nothing is heard any more, else one a channel.
    fn mark_stale(&mut self, site: &Site, now: Millis, stale: &[ChannelIx], changes: &mut Vec<Change>) {
        let mut told = Vec::new();
        for &ix in stale {
            let state = &mut self.channels[ix.at()];
            let age_ms = now - state.good_at;
            if state.fault.is_none() {
                state.bad(ix, now, Fault::Stale { age_ms }, &mut told);
            }
        }
        let mut fresh: Vec<ChannelIx> = told.iter().filter_map(channel_of).collect();
        while let Some(&first) = fresh.first() {
            let source = site.channels[first.at()].source;
            let (same, rest): (Vec<_>, Vec<_>) = fresh.iter().partition(|c| site.channels[c.at()].source == source);
            fresh = rest;
            if same.len() > 1
                && self
                    .of_source(source)
                    .iter()
                    .all(|c| self.channels[c.at()].fault.is_some())
            {
                let age_ms = now - same.iter().map(|c| self.channels[c.at()].good_at).max().unwrap_or(now);
                let why = format!("nothing heard for {}.{} s", age_ms / 1_000, age_ms % 1_000 / 100);
                changes.push(Change::Silent {
                    source,
                    channels: same,
                    why,
                });
            } else {
                let fault = |c: ChannelIx| Change::Fault {
                    channel: c,
                    fault: self.channels[c.at()].fault,
                };
                changes.extend(same.into_iter().map(fault));
            }
        }
    }
}

fn channel_of(change: &Change) -> Option<ChannelIx> {
    match change {
        Change::Fault { channel, .. } => Some(*channel),
        _ => None,
    }
}
