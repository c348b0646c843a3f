//! Sampling the room, and packing what the sensors show.

use std::sync::Arc;
use std::time::Duration;

use muster_wire::senml::{LOST, MAX_PACK_BYTES, PackWriter, Record, Value};
use muster_wire::{Absence, Mark, Micro, ONLINE, Quantity, Topic, TopicKind};

use super::NodeSpec;
use super::session::Link;
use crate::{Air, Room, StoryTime};

/// Two packs are at least this far apart in real time, however fast the story runs.
const SHORTEST_PERIOD: Duration = Duration::from_millis(50);

/// What a board measures, in the order of its packs, and where it takes the alarm path by itself. The gateway judges by
/// its own limits; these only choose the topic. Assumed: EN 54-5 A1 for heat, EN 54-7 for smoke, 10 % of the lower
/// flammable limit for hydrogen.
const SENSORS: [(Quantity, f64); 4] = [
    (Quantity::Smoke, 2.0),
    (Quantity::Temperature, 57.0),
    (Quantity::Voc, 50.0),
    (Quantity::Hydrogen, 4_000.0),
];

/// One board.
pub(super) struct Board {
    spec: NodeSpec,
    site: String,
    room: Room,
    story: Arc<dyn StoryTime>,
    link: Link,
    seq: u64,
    /// Samples that found neither a broker nor room in the queue.
    lost: u32,
    /// The connection that has been greeted.
    greeted: u64,
}

impl Board {
    pub(super) fn new(spec: NodeSpec, site: &str, room: Room, story: Arc<dyn StoryTime>, link: Link) -> Self {
        Self {
            spec,
            site: site.into(),
            room,
            story,
            link,
            seq: 0,
            lost: 0,
            greeted: 0,
        }
    }

    /// Samples until the board burns.
    pub(super) async fn run(mut self) {
        loop {
            let air = self.room.at(self.story.now_ms()).air[self.spec.place];
            if !air.node_works() {
                self.link.burn();
                // Keeps the link: a connection whose board is gone must not be closed.
                return std::future::pending().await;
            }
            self.tell(&air);
            tokio::time::sleep(self.period()).await;
        }
    }

    fn period(&self) -> Duration {
        let real_us = u64::from(self.spec.period_ms) * 1_000 / u64::from(self.story.speed().max(1));
        Duration::from_micros(real_us).max(SHORTEST_PERIOD)
    }

    fn tell(&mut self, air: &Air) {
        let connection = self.link.connection();
        if connection == 0 {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        let shown = shown(air);
        if connection != self.greeted {
            let state = self.topic(TopicKind::State);
            if self.link.send(state, true, ONLINE.into()) && self.publish(TopicKind::Birth, &shown) {
                self.greeted = connection;
            }
        }
        let beyond = shown.iter().zip(SENSORS).any(|(value, (_, limit))| *value >= limit);
        let kind = if beyond { TopicKind::Alarm } else { TopicKind::Data };
        if !self.publish(kind, &shown) {
            self.lost = self.lost.saturating_add(1);
        }
    }

    fn publish(&mut self, kind: TopicKind<'_>, shown: &[f64; 4]) -> bool {
        let mark = Mark {
            boot: self.spec.boot,
            seq: self.seq,
        };
        let mut buf = [0; MAX_PACK_BYTES];
        let Some(pack) = pack(&mut buf, &self.spec.id, mark, shown, self.lost) else {
            return false;
        };
        let sent = self.link.send(self.topic(kind), false, pack.to_vec());
        self.seq += u64::from(sent);
        sent
    }

    fn topic(&self, kind: TopicKind<'_>) -> String {
        let (site, node) = (self.site.as_str(), self.spec.id.as_str());
        Topic { site, node, kind }.to_string()
    }
}

/// In the order of [`SENSORS`].
const fn shown(air: &Air) -> [f64; 4] {
    [air.smoke_per_m, air.temperature_c, air.voc_ppm, air.hydrogen_ppm]
}

fn pack<'b>(buf: &'b mut [u8], node: &str, mark: Mark, shown: &[f64; 4], lost: u32) -> Option<&'b [u8]> {
    let mut writer = PackWriter::new(buf, node, mark, true).ok()?;
    for ((quantity, _), value) in SENSORS.iter().zip(shown) {
        // Three decimals are more than the sensors have.
        let value = match Micro::from_f64((value * 1_000.0).round() / 1_000.0) {
            Some(micro) => Value::Micro(micro),
            None => Value::Absent(Absence::Range),
        };
        let (name, unit) = (quantity.as_str(), Some(quantity.unit().as_str()));
        writer
            .push(&Record {
                name,
                unit,
                value,
                age_ms: 0,
            })
            .ok()?;
    }
    if lost > 0 {
        let value = Value::Micro(Micro::from_units(i64::from(lost))?);
        writer
            .push(&Record {
                name: LOST,
                unit: None,
                value,
                age_ms: 0,
            })
            .ok()?;
    }
    Some(writer.finish())
}
