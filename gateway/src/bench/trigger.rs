//! What makes the gateway decide: a node's message, or a contact of a polled device.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use muster_sim::modbus::{self, DeviceKind};
use muster_sim::{Room, Scenario, StoryTime};
use tokio::sync::oneshot;

use super::node::{self, CLEAR, Node, SMOKE};
use super::site::POLL_MS;
use super::{BenchError, background};
use crate::clock::Stopwatch;

/// Before the panel alarms, and after. Milliseconds of the story.
const BEFORE_MS: i64 = -1_000;
const AFTER_MS: i64 = 5_000;
/// No trial follows another at once: what the last one left is over.
const LEAST_PAUSE: Duration = Duration::from_millis(5);

/// A story that leaps to and fro: the panel's contacts know only the moment.
pub(super) struct Contact(AtomicI64);

impl StoryTime for Contact {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn speed(&self) -> u32 {
        1
    }
}

impl Contact {
    fn open() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(BEFORE_MS)))
    }
}

/// Simulated fire panels on a thread of their own; the first one's contact can be closed.
pub(super) struct Devices {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) contact: Arc<Contact>,
    /// Dropping it switches them off.
    _on: oneshot::Sender<()>,
}

impl Devices {
    /// Puts so many up.
    pub(super) async fn start(count: usize) -> Result<Self, BenchError> {
        let (contact, still) = (Contact::open(), Contact::open());
        let stories = std::iter::once(contact.clone())
            .chain(std::iter::repeat(still))
            .take(count);
        let stories: Vec<Arc<Contact>> = stories.collect();
        let (tell, told) = oneshot::channel();
        let (on, off) = oneshot::channel::<()>();
        background("bench-devices", async move {
            let mut devices = Vec::new();
            for story in stories {
                let (any, room) = (
                    SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                    Room::new(Scenario::Pangyo2022, 1),
                );
                match modbus::spawn(DeviceKind::FirePanel, any, 1, room, story).await {
                    Ok(device) => devices.push(device),
                    // Nobody is told any address, which ends the measurement.
                    Err(error) => return tracing::error!(%error, "a simulated device did not start"),
                }
            }
            // Nobody waiting means that the measurement has ended, and so does the other end's going.
            let _ = tell.send(devices.iter().map(modbus::Device::addr).collect());
            let _ = off.await;
        })?;
        Ok(Self {
            addresses: told.await.map_err(|_| BenchError::Devices)?,
            contact,
            _on: on,
        })
    }
}

/// What is set off and cleared.
pub(super) enum Trigger {
    /// Publishes.
    Node {
        /// On the alarm topic.
        node: Box<Node>,
        /// Of its last pack.
        seq: u64,
    },
    /// Waits to be polled.
    Contact {
        /// Of the first panel.
        contact: Arc<Contact>,
        /// The bench's.
        watch: Stopwatch,
    },
}

impl Trigger {
    /// A node that has not spoken yet.
    pub(super) fn node(node: Node) -> Self {
        Self::Node {
            node: Box::new(node),
            seq: 0,
        }
    }

    /// A contact that is open.
    pub(super) fn contact(contact: Arc<Contact>, watch: Stopwatch) -> Self {
        Self::Contact { contact, watch }
    }

    /// Sets it off, or clears it; when, by the bench's stop-watch.
    pub(super) async fn set(&mut self, on: bool) -> Result<Duration, BenchError> {
        match self {
            Self::Node { node, seq } => {
                *seq += 1;
                let pack = node::pack(*seq, if on { SMOKE } else { CLEAR }).ok_or(BenchError::Node)?;
                node.say(pack).await
            }
            Self::Contact { contact, watch } => {
                let at = watch.elapsed();
                contact
                    .0
                    .store(if on { AFTER_MS } else { BEFORE_MS }, Ordering::Relaxed);
                Ok(at)
            }
        }
    }

    /// Least and most between two trials, so that they fall anywhere between two polls.
    pub(super) fn pause(&self) -> (Duration, Duration) {
        let spread = match self {
            Self::Node { .. } => Duration::from_millis(10),
            Self::Contact { .. } => Duration::from_millis(2 * POLL_MS),
        };
        (LEAST_PAUSE, LEAST_PAUSE + spread)
    }
}
