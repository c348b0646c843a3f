//! Connect, publish, hear, and again.

use core::fmt::Write as _;
use core::pin::pin;

use embassy_futures::select::{Either3, select, select3};
use embassy_time::{Duration, Timer, with_timeout};
use heapless::{String, Vec};
use minimq::{
    Buffers, ConfigBuilder, ConfigError, ConnectEvent, Connection, InboundPublish, Io, Op, Publication, QoS, Session,
    SubscriptionOptions, TopicFilter, Will,
};
use muster_wire::senml::Pack;
use muster_wire::{MAX_TOPIC_BYTES, OFFLINE, ONLINE, Topic, TopicKind};

use super::turning::turning;
use super::{Backoff, Desk};
use crate::{PACK_BYTES, Urgency, clock};

/// Room for what is received: an acknowledgement, or an order of at most a pack's size.
pub const RX_BYTES: usize = 1024;
/// Room for as many packs of the largest size as can be on their way, and for what is written beside them.
pub const TX_BYTES: usize = (IN_FLIGHT + 3) * PACK_BYTES;
/// Packs on their way at a time. More would need more memory, and a pack that finds none there would go back to the store.
/// An alarm may be one more, and a last message another: neither waits for a broker that is slow to acknowledge data.
const IN_FLIGHT: usize = 2;
/// A connection has to stand within this, TLS included; the same again for MQTT's own greeting.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// One message has to be written within this: a peer that takes nothing is gone.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// The loop turns at least this often, though nothing happens.
const TURN_EVERY: Duration = Duration::from_secs(1);
/// A silent peer is noticed within one and a half times this. Seconds.
const KEEP_ALIVE_S: u16 = 5;
/// The broker keeps the session for this long. Seconds.
const SESSION_S: u32 = 300;

/// Opens byte streams to the broker.
pub trait Dial {
    /// An open stream.
    type Stream<'s>: Io
    where
        Self: 's;
    /// Why there is none.
    type Error;

    /// Opens a stream, TLS included.
    ///
    /// # Errors
    /// What kept it from opening; the next attempt comes by itself.
    fn dial(&mut self) -> impl Future<Output = Result<Self::Stream<'_>, Self::Error>>;

    /// Any number, for pauses that differ from node to node.
    fn chance(&mut self) -> u32;
}

/// Who speaks, and where.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The site's id.
    pub site: &'a str,
    /// The node's id: its MQTT client id and the name in its certificate.
    pub node: &'a str,
}

type TopicText = String<MAX_TOPIC_BYTES>;

impl Identity<'_> {
    fn topic(&self, kind: TopicKind<'_>) -> TopicText {
        let (site, node) = (self.site, self.node);
        let mut text = TopicText::new();
        // Ids were checked by the node's spec, so it fits.
        let _ = write!(text, "{}", Topic { site, node, kind });
        text
    }
}

/// Keeps a session for ever. `rx` and `tx` are at least [`RX_BYTES`] and [`TX_BYTES`].
///
/// # Errors
/// Only at the start: an id or a buffer that MQTT cannot use.
pub async fn run<D: Dial, const CHANNELS: usize, const STORE: usize>(
    identity: Identity<'_>,
    desk: &Desk<'_, CHANNELS, STORE>,
    dial: &mut D,
    (rx, tx): (&mut [u8], &mut [u8]),
) -> Result<core::convert::Infallible, ConfigError> {
    let state = identity.topic(TopicKind::State);
    let mut backoff = Backoff::default();
    loop {
        let mut session = Session::new(config(&identity, &state, (rx, tx))?);
        // A session goes on with what was in flight, in its old order, and what follows waits for that. A last message
        // cannot: it begins a new one.
        while session.is_publish_quiescent() || !desk.gasps() {
            desk.turn();
            once(&identity, desk, dial, &mut session, &mut backoff).await;
            desk.count(|c| c.failures = c.failures.wrapping_add(1));
            desk.turn();
            if desk.gasps() {
                backoff.reset();
            }
            pause(desk, backoff.pause_ms(dial.chance())).await;
        }
    }
}

fn config<'c>(
    identity: &Identity<'_>,
    state: &'c str,
    (rx, tx): (&'c mut [u8], &'c mut [u8]),
) -> Result<ConfigBuilder<'c>, ConfigError> {
    let will = Will::new(state, OFFLINE.as_bytes(), &[])?
        .retained()
        .qos(QoS::AtLeastOnce);
    ConfigBuilder::new(Buffers::new(rx, tx))
        .client_id(identity.node)?
        .keepalive_interval(KEEP_ALIVE_S)
        .session_expiry_interval(SESSION_S)
        .will(will)
}

/// Waits before the next attempt; a last message that comes meanwhile does not.
async fn pause<const CHANNELS: usize, const STORE: usize>(desk: &Desk<'_, CHANNELS, STORE>, pause_ms: u64) {
    let gasped = desk.gasps();
    let gasp = async {
        while desk.gasps() == gasped {
            desk.news().await;
        }
    };
    turning(desk, TURN_EVERY, pin!(select(Timer::after_millis(pause_ms), gasp))).await;
}

/// One connection, from the first byte to the last.
async fn once<D: Dial, const CHANNELS: usize, const STORE: usize>(
    identity: &Identity<'_>,
    desk: &Desk<'_, CHANNELS, STORE>,
    dial: &mut D,
    session: &mut Session<'_>,
    backoff: &mut Backoff,
) {
    let Ok(Ok(stream)) = turning(desk, TURN_EVERY, pin!(with_timeout(CONNECT_WITHIN, dial.dial()))).await else {
        return;
    };
    desk.turn();
    let Ok(Ok(mut connection)) = turning(
        desk,
        TURN_EVERY,
        pin!(with_timeout(CONNECT_WITHIN, session.connect(stream))),
    )
    .await
    else {
        return;
    };
    backoff.reset();
    desk.count(|c| c.connections = c.connections.wrapping_add(1));
    let link = Link { identity, desk };
    if link.greet(&mut connection).await.is_some() {
        link.serve(&mut connection).await;
    }
}

struct Link<'l, 'a, const CHANNELS: usize, const STORE: usize> {
    identity: &'l Identity<'l>,
    desk: &'l Desk<'a, CHANNELS, STORE>,
}

/// What of ours the broker has not acknowledged yet.
struct Flights {
    packs: Vec<Op, { IN_FLIGHT + 2 }>,
    /// What a former connection left; it goes out again by itself, and first.
    before: bool,
}

impl Flights {
    fn have_room<S: Io>(&mut self, connection: &Connection<'_, '_, S>, urgency: Urgency) -> bool {
        self.packs.retain(|op| connection.is_pending(op));
        self.before = self.before && !connection.session().is_publish_quiescent();
        let most = match urgency {
            Urgency::Data => IN_FLIGHT,
            Urgency::Alarm => IN_FLIGHT + 1,
            Urgency::Gasp => IN_FLIGHT + 2,
        };
        !self.before && self.packs.len() < most && connection.can_publish(QoS::AtLeastOnce)
    }
}

impl<const CHANNELS: usize, const STORE: usize> Link<'_, '_, CHANNELS, STORE> {
    /// Listens for acknowledgements and says that the node is there; `None` if the connection broke.
    async fn greet<S: Io>(&self, connection: &mut Connection<'_, '_, S>) -> Option<()> {
        let resumed = matches!(connection.connect_event(), ConnectEvent::Reconnected);
        if !resumed {
            let ack = self.identity.topic(TopicKind::Ack);
            let options = SubscriptionOptions::default().maximum_qos(QoS::AtLeastOnce);
            let filter = [TopicFilter::new(&ack).options(options)];
            with_timeout(WRITE_WITHIN, connection.subscribe(&filter, &[]))
                .await
                .ok()?
                .ok()?;
        }
        let state = self.identity.topic(TopicKind::State);
        let online = Publication::bytes(&state, ONLINE.as_bytes())
            .qos(QoS::AtLeastOnce)
            .retain();
        let said = with_timeout(WRITE_WITHIN, connection.publish(online)).await;
        self.desk.link_up(resumed);
        said.ok()?.ok().map(drop)
    }

    /// Until the connection ends.
    async fn serve<S: Io>(&self, connection: &mut Connection<'_, '_, S>) {
        let mut buf = [0; PACK_BYTES];
        let before = matches!(connection.connect_event(), ConnectEvent::Reconnected);
        let mut flights = Flights {
            packs: Vec::new(),
            before,
        };
        // Behind what was in flight a last message would wait: see `run`.
        while connection.is_connected() && !(flights.before && self.desk.gasps()) {
            self.desk.turn();
            if self.publish(connection, &mut flights, &mut buf).await.is_none() {
                return;
            }
            match select3(connection.poll(), self.desk.news(), Timer::after(TURN_EVERY)).await {
                Either3::First(Ok(Some(message))) => self.hear(&message),
                Either3::First(Ok(None)) | Either3::Second(()) | Either3::Third(()) => {}
                Either3::First(Err(_)) => return,
            }
        }
    }

    /// Everything that waits and has room in flight.
    async fn publish<S: Io>(
        &self,
        connection: &mut Connection<'_, '_, S>,
        flights: &mut Flights,
        buf: &mut [u8; PACK_BYTES],
    ) -> Option<()> {
        while let Some(urgency) = self.desk.urgency()
            && flights.have_room(connection, urgency)
            && let Some((kind, pack)) = self.desk.poll_pack(clock::now().as_millis(), buf)
        {
            let topic = self.identity.topic(kind);
            let message = Publication::bytes(&topic, pack).qos(QoS::AtLeastOnce);
            let sent = with_timeout(WRITE_WITHIN, connection.publish(message)).await;
            if let Some(op) = sent.ok()?.ok()? {
                // There is room, or it would not have been sent.
                let _ = flights.packs.push(op);
            }
            self.desk.count(|c| c.packs = c.packs.wrapping_add(1));
        }
        Some(())
    }

    fn hear(&self, message: &InboundPublish<'_>) {
        let mark = Pack::parse(message.payload()).ok().and_then(|pack| {
            let header = pack.header();
            header.mark.filter(|_| header.node == self.identity.node)
        });
        let is_ack = message.topic() == self.identity.topic(TopicKind::Ack).as_str();
        match mark.filter(|_| is_ack) {
            Some(mark) => {
                self.desk.acknowledged(mark);
                self.desk.count(|c| c.acks = c.acks.wrapping_add(1));
            }
            None => self.desk.count(|c| c.odd = c.odd.wrapping_add(1)),
        }
    }
}
