//! Where sampling and the network meet.

use core::cell::{Cell, RefCell};

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use muster_wire::{Absence, Mark, Micro, TopicKind};

use crate::{Node, PACK_BYTES, Sensor, Urgency};

/// What has happened since the start; for the console and for whoever debugs on the bench.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Ticks that sampled.
    pub ticks: u32,
    /// Packs handed to the broker's connection.
    pub packs: u32,
    /// Durable acknowledgements heard.
    pub acks: u32,
    /// Connections made.
    pub connections: u32,
    /// Attempts that failed, and connections that ended.
    pub failures: u32,
    /// Messages heard that are no acknowledgement of ours.
    pub odd: u32,
}

impl core::fmt::Display for Counters {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self {
            ticks,
            packs,
            acks,
            connections,
            failures,
            odd,
        } = self;
        write!(
            f,
            "ticks {ticks} packs {packs} acks {acks} connections {connections} failures {failures} odd {odd}"
        )
    }
}

/// A node on one executor: sampled by one task, sent by another. Nothing here waits.
pub struct Desk<'a, const CHANNELS: usize, const STORE: usize> {
    node: RefCell<Node<'a, CHANNELS, STORE>>,
    news: Signal<NoopRawMutex, ()>,
    counters: Cell<Counters>,
    /// The session's loop has turned since it was last asked.
    turned: Cell<bool>,
}

impl<'a, const CHANNELS: usize, const STORE: usize> Desk<'a, CHANNELS, STORE> {
    /// A desk for this node.
    pub fn new(node: Node<'a, CHANNELS, STORE>) -> Self {
        Self {
            node: RefCell::new(node),
            news: Signal::new(),
            counters: Cell::default(),
            turned: Cell::new(true),
        }
    }

    /// When the next tick is due; milliseconds of the node's clock.
    pub fn next_tick_ms(&self) -> u64 {
        self.node.borrow().next_tick_ms()
    }

    /// Samples what is due, and wakes the session: an alarm goes out at once.
    pub fn tick(&self, now_ms: u64, sensors: &mut [&mut dyn Sensor]) {
        self.node.borrow_mut().tick(now_ms, sensors);
        self.count(|c| c.ticks = c.ticks.wrapping_add(1));
        self.tell();
    }

    /// Takes samples of channels that nobody samples here, from `first` on; see [`Node::take`].
    pub fn take(&self, now_ms: u64, first: usize, samples: &[Result<Micro, Absence>]) {
        let mut node = self.node.borrow_mut();
        for (at, sample) in samples.iter().enumerate() {
            node.take(now_ms, first + at, *sample);
        }
        self.tell();
    }

    /// A look at a channel between two samples, see [`Node::glance`].
    pub fn glance(&self, now_ms: u64, channel: usize, look: impl FnMut() -> Option<Micro>) {
        if self.node.borrow_mut().glance(now_ms, channel, look) {
            self.tell();
        }
    }

    /// There is news for the session.
    fn tell(&self) {
        self.news.signal(());
    }

    pub(super) fn urgency(&self) -> Option<Urgency> {
        self.node.borrow().urgency()
    }

    /// Whether a last message waits.
    pub(super) fn gasps(&self) -> bool {
        self.urgency() == Some(Urgency::Gasp)
    }

    /// What has happened since the start.
    pub fn counters(&self) -> Counters {
        self.counters.get()
    }

    /// Samples dropped from a full store, since boot.
    pub fn lost(&self) -> u32 {
        self.node.borrow().lost()
    }

    /// Whether the session's loop has turned since the last call. A watchdog is fed only if it has, and sampling has too.
    pub fn has_turned(&self) -> bool {
        self.turned.replace(false)
    }

    pub(super) fn turn(&self) {
        self.turned.set(true);
    }

    pub(super) async fn news(&self) {
        self.news.wait().await;
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Counters)) {
        let mut counters = self.counters.get();
        change(&mut counters);
        self.counters.set(counters);
    }

    pub(super) fn link_up(&self, resumed: bool) {
        let mut node = self.node.borrow_mut();
        if resumed {
            node.on_link_resumed();
        } else {
            node.on_link_up();
        }
    }

    pub(super) fn acknowledged(&self, mark: Mark) {
        self.node.borrow_mut().on_ack(mark);
    }

    pub(super) fn poll_pack<'b>(
        &self,
        now_ms: u64,
        buf: &'b mut [u8; PACK_BYTES],
    ) -> Option<(TopicKind<'static>, &'b [u8])> {
        self.node.borrow_mut().poll_pack(now_ms, buf)
    }
}
