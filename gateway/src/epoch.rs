//! Which config an index belongs to. What was measured under one config and is taken up under the next is translated by
//! id, or turned away: a reading is never attributed to another channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_core::{ChannelIx, Input, SourceIx};

use crate::config::{Config, Pick, Polled};

/// A config's number since the start. Whoever sends indices holds the epoch under which it knows them.
#[derive(Clone, Debug, Default)]
pub struct Epoch(Arc<u64>);

impl Epoch {
    /// That of the next config.
    #[must_use]
    pub fn next(&self) -> Self {
        Self(Arc::new(*self.0 + 1))
    }

    /// Whether anybody but the caller still holds it.
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl PartialEq for Epoch {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Epoch {}

/// Where a channel's readings come from. Under another origin the same id is another signal.
enum Origin<'a> {
    Node(&'a str, &'a str),
    Device(&'a Polled, &'a str),
    Sensor(&'a str, &'a str, &'a Pick),
}

/// From one config's indices to the next one's; none for what is gone or comes from elsewhere now.
#[derive(Clone, Debug, Default)]
pub struct Translation {
    channels: Vec<Option<ChannelIx>>,
    sources: Vec<Option<SourceIx>>,
}

impl Translation {
    /// By id, and only what still has the same origin and quantity.
    #[must_use]
    pub fn between(old: &Config, new: &Config) -> Self {
        let (was, is) = (origins(old), origins(new));
        let known: BTreeMap<&str, ChannelIx> = new
            .site
            .channels
            .iter()
            .zip(0..)
            .map(|(c, i)| (&*c.id, ChannelIx(i)))
            .collect();
        let same = |old_ix: usize, ix: ChannelIx| {
            let quantities = old.site.channels[old_ix].quantity == new.site.channels[ix.at()].quantity;
            let origins = was.get(&ChannelIx(old_ix as u32)).zip(is.get(&ix));
            quantities && origins.is_some_and(|(a, b)| a.is_same(b))
        };
        let channel = |(i, c): (usize, &muster_core::Channel)| known.get(&*c.id).copied().filter(|ix| same(i, *ix));
        let (devices, there) = (devices(old), devices(new));
        let sources: BTreeMap<&str, SourceIx> = new
            .site
            .sources
            .iter()
            .zip(0..)
            .map(|(s, i)| (&*s.id, SourceIx(i)))
            .collect();
        let source = |s: &muster_core::Source| {
            let same = match (devices.get(&*s.id), there.get(&*s.id)) {
                (Some(a), Some(b)) => a.is_same_device(b),
                (a, b) => a.is_none() && b.is_none(),
            };
            sources.get(&*s.id).copied().filter(|_| same)
        };
        Self {
            channels: old.site.channels.iter().enumerate().map(channel).collect(),
            sources: old.site.sources.iter().map(source).collect(),
        }
    }

    /// Goes one config further.
    fn then(&mut self, next: &Self) {
        for place in &mut self.channels {
            *place = place.and_then(|ix| next.channels.get(ix.at()).copied().flatten());
        }
        for place in &mut self.sources {
            *place = place.and_then(|ix| next.sources.get(ix.at()).copied().flatten());
        }
    }

    fn apply(&self, mut input: Input) -> Option<Input> {
        match &mut input {
            Input::Reading { channel, .. } => *channel = self.channels.get(channel.at()).copied().flatten()?,
            Input::Lost { source, .. } => *source = self.sources.get(source.at()).copied().flatten()?,
            _ => {}
        }
        Some(input)
    }
}

impl Origin<'_> {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Node(a, x), Self::Node(b, y)) => (a, x) == (b, y),
            (Self::Device(a, x), Self::Device(b, y)) => x == y && a.is_same_device(b),
            (Self::Sensor(a, x, p), Self::Sensor(b, y, q)) => (a, x) == (b, y) && p.is_same(q),
            _ => false,
        }
    }
}

fn devices(config: &Config) -> BTreeMap<&str, &Polled> {
    config.polled.iter().map(|device| (&*device.id, device)).collect()
}

fn origins(config: &Config) -> BTreeMap<ChannelIx, Origin<'_>> {
    let nodes = config.nodes.iter().flat_map(|(id, node)| {
        let channels = node.channels.iter();
        channels.map(move |(signal, c)| (c.channel, Origin::Node(id, signal)))
    });
    let devices = config.polled.iter().flat_map(|device| {
        let channels = device.channels.iter();
        channels.map(move |(signal, c)| (*c, Origin::Device(device, signal)))
    });
    let sensors = config.sensors.iter().flat_map(|sensor| {
        let id = &*config.site.sources[sensor.source.at()].id;
        let picks = sensor
            .topics
            .iter()
            .flat_map(|(topic, picks)| picks.iter().map(move |p| (topic, p)));
        picks.map(move |(topic, pick)| (pick.channel, Origin::Sensor(id, topic, pick)))
    });
    nodes.chain(devices).chain(sensors).collect()
}

/// The config in force, and the way to it from those before that somebody still sends under.
#[derive(Debug)]
pub(crate) struct Epochs {
    now: Epoch,
    earlier: Vec<(Epoch, Translation)>,
}

impl Epochs {
    /// With the first config. It has to be the one that others hold clones of: they are counted.
    pub(crate) fn starting_at(now: Epoch) -> Self {
        Self {
            now,
            earlier: Vec::new(),
        }
    }

    /// Under the config in force, or none if it means nothing there.
    pub(crate) fn translate(&self, epoch: &Epoch, input: Input) -> Option<Input> {
        if *epoch == self.now {
            return Some(input);
        }
        let (_, way) = self.earlier.iter().find(|(e, _)| e == epoch)?;
        way.apply(input)
    }

    /// Another config is in force. Ways that nobody needs any more are forgotten.
    pub(crate) fn advance(&mut self, next: Epoch, translation: Translation) {
        self.earlier.retain(|(epoch, _)| epoch.is_in_use());
        self.earlier.iter_mut().for_each(|(_, way)| way.then(&translation));
        let before = std::mem::replace(&mut self.now, next);
        self.earlier.push((before, translation));
    }
}

#[cfg(test)]
mod tests {
    use muster_wire::Micro;

    use super::*;

    fn reading(channel: u32) -> Input {
        Input::Reading {
            channel: ChannelIx(channel),
            value: Ok(Micro(1)),
            simulated: false,
            age_ms: 0,
        }
    }

    fn way(channels: &[Option<u32>]) -> Translation {
        Translation {
            channels: channels.iter().map(|c| c.map(ChannelIx)).collect(),
            sources: Vec::new(),
        }
    }

    #[test]
    fn what_was_sent_under_an_earlier_config_is_translated_as_often_as_need_be() {
        let first = Epoch::default();
        let mut epochs = Epochs::starting_at(first.clone());
        let second = first.next();
        epochs.advance(second.clone(), way(&[Some(1), None, Some(0)]));
        assert_eq!(epochs.translate(&first, reading(0)), Some(reading(1)));
        assert_eq!(epochs.translate(&first, reading(1)), None, "gone");
        assert_eq!(epochs.translate(&first, reading(9)), None, "never there");
        assert_eq!(epochs.translate(&second, reading(0)), Some(reading(0)));
        epochs.advance(second.next(), way(&[Some(5), None]));
        assert_eq!(epochs.translate(&first, reading(2)), Some(reading(5)));
        assert_eq!(epochs.translate(&first, reading(0)), None);
        assert_eq!(epochs.translate(&second, reading(0)), Some(reading(5)));
    }

    #[test]
    fn a_way_is_kept_as_long_as_somebody_may_send_by_it() {
        let (first, mut next) = (Epoch::default(), Epoch::default());
        let mut epochs = Epochs::starting_at(first.clone());
        for _ in 0..100 {
            next = next.next();
            epochs.advance(next.clone(), way(&[Some(0)]));
        }
        assert_eq!(epochs.translate(&first, reading(0)), Some(reading(0)));
        assert!(
            epochs.earlier.len() <= 3,
            "{} ways that nobody needs",
            epochs.earlier.len()
        );
    }
}
