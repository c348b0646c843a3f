//! The board: the real firmware's node, with the room for sensors and the story for a clock.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use muster_node::{ChannelSpec, Limit, Node, NodeSpec as Firmware, PACK_BYTES, Sensor, SpecError};
use muster_wire::{Absence, MICRO, Micro, ONLINE, Quantity, Topic, TopicKind};

use super::NodeSpec;
use super::session::Link;
use crate::{Air, Room, StoryTime};

/// Two ticks are at least this far apart in real time, however fast the story runs.
const SHORTEST_TICK: Duration = Duration::from_millis(50);
/// And at most this far, so that a story that speeds up is followed.
const LONGEST_TICK: Duration = Duration::from_secs(1);
/// Samples a board keeps until the gateway has them: two minutes of four channels at a sample a second.
const STORE: usize = 480;
/// Smoke, temperature, VOC, hydrogen.
const CHANNELS: usize = 4;
/// A sensor with noise that repeats itself for a minute is stuck.
const STUCK_AFTER_MS: u64 = 60_000;
/// Air does not warm faster than this, degrees Celsius a second.
const MAX_RATE_C_PER_S: i64 = 5;

/// Samples a room for one node.
pub(super) struct Board {
    site: String,
    spec: NodeSpec,
    room: Room,
    story: Arc<dyn StoryTime>,
    link: Link,
    /// The connection that has been greeted.
    greeted: u64,
    /// Messages that found no room in the session's queue; nothing may overtake them. At most a store full of packs.
    waiting: VecDeque<Message>,
}

struct Message {
    topic: String,
    retain: bool,
    payload: Vec<u8>,
}

impl Board {
    pub(super) fn new(spec: NodeSpec, site: &str, room: Room, story: Arc<dyn StoryTime>, link: Link) -> Self {
        Self {
            site: site.into(),
            spec,
            room,
            story,
            link,
            greeted: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Whether the firmware would start on this.
    pub(super) fn check(spec: &NodeSpec) -> Result<(), SpecError> {
        Node::<CHANNELS, STORE>::new(firmware(spec)).map(drop)
    }

    /// Runs the firmware until the board burns.
    pub(super) async fn run(mut self) {
        let spec = self.spec.clone();
        let Ok(mut node) = Node::<CHANNELS, STORE>::new(firmware(&spec)) else {
            return;
        };
        // The firmware counts from its own start.
        let started_ms = self.story.now_ms();
        loop {
            let story_ms = self.story.now_ms();
            let air = self.room.at(story_ms).air[self.spec.place];
            if !air.node_works() {
                self.link.burn();
                // Keeps the link: a connection whose board is gone must not be closed.
                return std::future::pending().await;
            }
            let now_ms = story_ms.saturating_sub(started_ms).max(0).unsigned_abs();
            self.turn(&mut node, now_ms, &air);
            let left_ms = node.next_tick_ms().saturating_sub(now_ms);
            let real = Duration::from_micros(left_ms.saturating_mul(1_000) / u64::from(self.story.speed().max(1)));
            tokio::time::sleep(real.clamp(SHORTEST_TICK, LONGEST_TICK)).await;
        }
    }

    /// One turn of the firmware's loop.
    fn turn(&mut self, node: &mut Node<'_, CHANNELS, STORE>, now_ms: u64, air: &Air) {
        while let Some(mark) = self.link.next_ack() {
            node.on_ack(mark);
        }
        let connection = self.link.connection();
        let is_new = connection != 0 && connection != self.greeted;
        if is_new {
            node.on_link_up();
        }
        sample(node, now_ms, air);
        if is_new {
            self.greeted = connection;
            // Whatever waited is in the store as well, and goes again.
            self.waiting.clear();
            self.queue(TopicKind::State, true, ONLINE.into());
        }
        if connection != 0 {
            self.forward(node, now_ms, is_new);
        }
    }

    /// Publishes all packs that are due.
    fn forward(&mut self, node: &mut Node<'_, CHANNELS, STORE>, now_ms: u64, is_new: bool) {
        let mut buf = [0; PACK_BYTES];
        if is_new || self.waiting.is_empty() {
            while let Some((kind, pack)) = node.poll_pack(now_ms, &mut buf) {
                let pack = pack.to_vec();
                self.queue(kind, false, pack);
            }
        }
        self.flush();
    }

    fn queue(&mut self, kind: TopicKind<'_>, retain: bool, payload: Vec<u8>) {
        let (site, node) = (self.site.as_str(), self.spec.id.as_str());
        let topic = Topic { site, node, kind }.to_string();
        self.waiting.push_back(Message { topic, retain, payload });
    }

    /// In their order: the gateway takes no pack below one it has.
    fn flush(&mut self) {
        while let Some(message) = self.waiting.front() {
            if !self.link.send(&message.topic, message.retain, &message.payload) {
                return;
            }
            self.waiting.pop_front();
        }
    }
}

fn sample(node: &mut Node<'_, CHANNELS, STORE>, now_ms: u64, air: &Air) {
    let [mut smoke, mut temperature, mut voc, mut hydrogen] =
        [air.smoke_per_m, air.temperature_c, air.voc_ppm, air.hydrogen_ppm].map(Shown);
    node.tick(now_ms, &mut [&mut smoke, &mut temperature, &mut voc, &mut hydrogen]);
}

/// What a sensor shows.
struct Shown(f64);

impl Sensor for Shown {
    fn sample(&mut self) -> Result<Micro, Absence> {
        // Three decimals are more than any of the sensors has.
        Micro::from_f64((self.0 * 1_000.0).round() / 1_000.0).ok_or(Absence::Range)
    }
}

/// What the firmware is told. Its alarm limits only choose the path; they lie below any limit a gateway decides by.
/// Assumed: well above the noise of clean air.
fn firmware(spec: &NodeSpec) -> Firmware<'_, CHANNELS> {
    let milli = |thousandths: i64| Micro(thousandths * MICRO / 1_000);
    let channel = |quantity: Quantity, set: i64, clear: i64, delta: i64| ChannelSpec {
        name: quantity.as_str(),
        quantity,
        alarm: Some(Limit {
            set: milli(set),
            clear: milli(clear),
            above: true,
        }),
        report_delta: Some(milli(delta)),
        max_rate_per_s: (quantity == Quantity::Temperature).then_some(Micro(MAX_RATE_C_PER_S * MICRO)),
        stuck_after_ms: Some(STUCK_AFTER_MS),
        every: 1,
        last_gasp: false,
    };
    Firmware {
        id: &spec.id,
        boot: spec.boot,
        boot_kept: true,
        simulated: true,
        sample_ms: spec.period_ms.into(),
        heartbeat_ms: spec.heartbeat_ms.into(),
        birth: &[],
        channels: [
            channel(Quantity::Smoke, 300, 200, 100),
            channel(Quantity::Temperature, 45_000, 42_000, 500),
            channel(Quantity::Voc, 10_000, 5_000, 1_000),
            channel(Quantity::Hydrogen, 100_000, 50_000, 10_000),
        ],
    }
}
