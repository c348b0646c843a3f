//! One thing changed: a limit, a count, a group that never alarms, or an alarm that nobody recorded. Everything else is as
//! it was, and the same core decides.

use std::sync::Arc;

use muster_core::{Channel, ChannelIx, Input, Limit, Millis, Site};
use muster_wire::Micro;

/// What is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Twist {
    edits: Vec<(ChannelIx, Edit)>,
    cast: Option<(Millis, ChannelIx)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    /// The alarm limit lies here, its hysteresis as wide as before.
    Limit(Micro),
    /// One sample decides.
    One,
    /// It is healthy and never reaches its limit.
    Mute,
    /// It has no limit at all, so that not even its death counts.
    None,
}

impl Twist {
    /// The alarm limit of a channel lies elsewhere.
    #[must_use]
    pub fn limit(channel: ChannelIx, set: Micro) -> Self {
        Self::edit([(channel, Edit::Limit(set))])
    }

    /// One sample of a channel beyond its limit is enough.
    #[must_use]
    pub fn one_sample(channel: ChannelIx) -> Self {
        Self::edit([(channel, Edit::One)])
    }

    /// These channels never alarm; `died`: nor does it count that one of them dies.
    #[must_use]
    pub fn without(channels: impl IntoIterator<Item = ChannelIx>, died: bool) -> Self {
        let edit = if died { Edit::None } else { Edit::Mute };
        Self::edit(channels.into_iter().map(|channel| (channel, edit)))
    }

    /// And this channel alarms then, though nobody recorded it.
    #[must_use]
    pub fn and_alarm(mut self, at: Millis, channel: ChannelIx) -> Self {
        self.cast = Some((at, channel));
        self
    }

    fn edit(edits: impl IntoIterator<Item = (ChannelIx, Edit)>) -> Self {
        Self {
            edits: edits.into_iter().collect(),
            cast: None,
        }
    }

    /// Whether nothing is changed.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.edits.is_empty() && self.cast.is_none()
    }

    /// The config with it.
    #[must_use]
    pub fn site(&self, site: &Arc<Site>) -> Arc<Site> {
        if self.edits.is_empty() {
            return site.clone();
        }
        let mut site = Site::clone(site);
        for (ix, edit) in &self.edits {
            if let Some(channel) = site.channels.get_mut(ix.at()) {
                edit.apply(channel);
            }
        }
        Arc::new(site)
    }

    /// The samples that nobody recorded: as far beyond the limit as can be, as many as its check for jumps and its count
    /// of samples need; before them, of a channel that has been changed, its limit as it was. `site`: without the change.
    #[must_use]
    pub fn given(&self, site: &Arc<Site>) -> Vec<(Millis, Input)> {
        let known = self
            .cast
            .and_then(|(at, ix)| Some((at, ix, site.channels.get(ix.at())?)));
        let Some((at, ix, channel)) = known else {
            return Vec::new();
        };
        let mut others = self.clone();
        others.edits.retain(|(edited, _)| *edited != ix);
        let changed = others.edits.len() < self.edits.len();
        let restored = changed.then(|| (at, Input::Config(others.site(site))));
        let above = channel.alarm.is_none_or(|limit| limit.above);
        let input = Input::Reading {
            channel: ix,
            value: Ok(if above { channel.range.1 } else { channel.range.0 }),
            simulated: site.simulated,
            age_ms: 0,
        };
        restored
            .into_iter()
            .chain((0..=channel.k).map(|_| (at, input.clone())))
            .collect()
    }
}

impl Edit {
    fn apply(self, channel: &mut Channel) {
        match self {
            Self::One => channel.k = 1,
            Self::None => channel.alarm = None,
            Self::Limit(set) => channel.alarm = channel.alarm.map(|usual| moved(usual, set)),
            Self::Mute => {
                let far = |limit: Limit| moved(limit, if limit.above { Micro(i64::MAX) } else { Micro(i64::MIN) });
                channel.alarm = channel.alarm.map(far);
                channel.checks.rise = None;
            }
        }
    }
}

fn moved(usual: Limit, set: Micro) -> Limit {
    let by = set.0.saturating_sub(usual.set.0);
    Limit {
        set,
        clear: Micro(usual.clear.0.saturating_add(by)),
        above: usual.above,
    }
}
