//! One chain: how its condition is raised, which rows it has, and what was measured so far.

use std::any::Any;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Peer, PeerError, nut, why};
use crate::bench::latency::{OTHER_NODES, OTHER_PACKS, OTHER_READINGS};
use crate::bench::neighbours::{Turn, Watched};
use crate::bench::node::Node;
use crate::bench::receiver::Receiver;
use crate::bench::stand::Gap;
use crate::bench::stats::Quantiles;
use crate::bench::traffic::{Encoding, Pace, Traffic};
use crate::bench::{BenchError, Latency, Round};
use crate::clock::Stopwatch;

/// A busy machine takes half a minute to start a Node-RED.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Without a webhook for this long, whatever was raised while it started has been heard.
const STILL: Duration = Duration::from_millis(500);

/// What is said about a chain, and how its events are spaced.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) chain: &'static str,
    pub(super) settings: &'static str,
    pub(super) does: &'static str,
    pub(super) version: Option<String>,
    /// Least and most between two events, so that they fall anywhere between two polls.
    pub(super) pause: (Duration, Duration),
    /// A webhook comes within this, or the chain has failed.
    pub(super) within: Duration,
    /// While it starts, what was raised in vain is raised again after this. Longer than its slowest answer where the
    /// condition is a state: two changes between two polls are none, and the webhook of the first would be taken for
    /// that of the second.
    pub(super) again: Duration,
    /// It gets one event in so many of those asked for: what takes seconds gets few.
    pub(super) share: usize,
}

/// How the condition is raised.
pub(super) enum Raise {
    /// Publishes a message with this status.
    Publish { node: Node, status: &'static str },
    /// Writes the next status into the file of a simulated UPS.
    Write { file: PathBuf, next: usize },
}

/// A chain that works.
pub(super) struct Live {
    raise: Raise,
    receiver: Receiver,
    /// Where other traffic goes; a polled UPS knows none.
    broker: Option<SocketAddr>,
    gap: Gap,
    watch: Stopwatch,
    /// Its processes: they end with it.
    _running: Box<dyn Any + Send>,
}

/// One chain and its rows.
pub(super) struct Chain {
    about: About,
    live: Option<Live>,
    rows: Vec<Row>,
}

/// Quiet, or beside other traffic.
#[derive(Default)]
struct Row {
    beside: Option<usize>,
    totals: Vec<Duration>,
    paces: Vec<u64>,
    watched: Watched,
    missing: Option<String>,
}

impl Live {
    /// Raises the condition until the chain answers.
    pub(super) async fn start(
        mut raise: Raise,
        (mut receiver, watch): (Receiver, Stopwatch),
        broker: Option<SocketAddr>,
        running: Box<dyn Any + Send>,
        about: &About,
    ) -> Result<Self, PeerError> {
        let ready = async {
            loop {
                raise.now(watch).await?;
                let answer = tokio::time::timeout(about.again, receiver.receipts.recv());
                if answer.await.is_ok() {
                    return Ok(());
                }
            }
        };
        let ready = tokio::time::timeout(READY_WITHIN, ready).await;
        ready.map_err(|_| PeerError::NoWebhook(READY_WITHIN.as_secs()))??;
        while tokio::time::timeout(STILL, receiver.receipts.recv()).await.is_ok() {}
        let mut gap = Gap::default();
        gap.pause(about.pause.0, about.pause.1).await;
        Ok(Self {
            raise,
            receiver,
            broker,
            gap,
            watch,
            _running: running,
        })
    }

    async fn event(&mut self, about: &About) -> Result<Duration, PeerError> {
        while self.receiver.receipts.try_recv().is_ok() {}
        let raised = self.raise.now(self.watch).await?;
        let receipt = tokio::time::timeout(about.within, self.receiver.receipts.recv()).await;
        let receipt = receipt
            .ok()
            .flatten()
            .ok_or(PeerError::NoWebhook(about.within.as_secs()))?;
        self.gap.pause(about.pause.0, about.pause.1).await;
        Ok(receipt.at.saturating_sub(raised))
    }
}

impl Raise {
    /// Raises the condition; when, by the bench's stop-watch.
    async fn now(&mut self, watch: Stopwatch) -> Result<Duration, PeerError> {
        match self {
            Self::Publish { node, status } => {
                let message = format!(r#"{{"node":"node-1","status":"{status}"}}"#);
                let said = node.say(message.into_bytes()).await;
                said.map_err(|cause| PeerError::Raise(Box::new(cause)))
            }
            Self::Write { file, next } => {
                let at = watch.elapsed();
                // In one step: a driver that read half of it would not look again, its time being the same.
                let written = file.with_extension("new");
                std::fs::write(&written, nut::STATUS[*next]).map_err(PeerError::Files)?;
                std::fs::rename(&written, file).map_err(PeerError::Files)?;
                *next = 1 - *next;
                Ok(at)
            }
        }
    }
}

impl Chain {
    /// With the rows it has: quiet, and beside other traffic if it hears any.
    pub(super) fn new(about: About, live: Result<Live, PeerError>, hears_others: bool) -> Self {
        let missing = live.as_ref().err().map(why);
        let beside = [None, Some(OTHER_PACKS[0])];
        let rows = beside.into_iter().filter(|row| row.is_none() || hears_others);
        let row = |beside| Row {
            beside,
            missing: missing.clone(),
            ..Row::default()
        };
        Self {
            about,
            rows: rows.map(row).collect(),
            live: live.ok(),
        }
    }

    /// One round of every row. A row that fails keeps what it has, says why, and rests from then on.
    pub(super) async fn round(&mut self, round: Round, events: usize) {
        let Some(live) = &mut self.live else { return };
        let events = round.share(events.div_ceil(self.about.share));
        for row in self.rows.iter_mut().filter(|row| row.missing.is_none()) {
            row.missing = row.round(live, &self.about, events).await.err().as_ref().map(why);
        }
    }

    /// What came of it, in units of Muster's rows.
    pub(super) fn rows(&self, muster: &[Latency]) -> Vec<Peer> {
        self.rows.iter().map(|row| row.told(&self.about, muster)).collect()
    }
}

impl Row {
    async fn round(&mut self, live: &mut Live, about: &About, events: usize) -> Result<(), PeerError> {
        let traffic = match self.beside.zip(live.broker) {
            Some((readings, broker)) => Some(others(broker, readings).await?),
            None => None,
        };
        let turn = Turn::begin();
        for _ in 0..events {
            self.totals.push(live.event(about).await?);
        }
        turn.end(&mut self.watched);
        if let Some(traffic) = traffic {
            self.paces.push(traffic.end().await.map_err(raised)?);
        }
        Ok(())
    }

    fn told(&self, about: &About, muster: &[Latency]) -> Peer {
        let us = |time: &Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let measured = (!self.totals.is_empty()).then(|| Quantiles::of(self.totals.iter().map(us)));
        let readings = self.beside.unwrap_or_default();
        let ours = muster.iter().find(|row| row.beside_readings_a_message == readings);
        let ours = ours.map(|row| row.total_us).filter(|ours| ours.n > 0);
        let ratio = |theirs: Option<u64>, ours: Option<u64>| Some(theirs? as f64 / ours.filter(|us| *us > 0)? as f64);
        Peer {
            chain: about.chain,
            settings: about.settings,
            does: about.does,
            version: about.version.clone(),
            beside_readings_per_s: self.paces.iter().sum::<u64>() / self.paces.len().max(1) as u64,
            beside_readings_a_message: readings,
            total_us: measured,
            p50_to_muster: ratio(measured.map(|m| m.p50), ours.map(|m| m.p50)),
            p99_to_muster: ratio(measured.and_then(|m| m.p99()), ours.and_then(|m| m.p99())),
            neighbours: self.watched.mean(),
            missing: self.missing.clone(),
        }
    }
}

async fn others(broker: SocketAddr, readings_a_message: usize) -> Result<Traffic, PeerError> {
    let pace = Pace {
        nodes: 0..OTHER_NODES,
        readings_a_message,
        readings_per_s: OTHER_READINGS,
        encoding: Encoding::Json,
    };
    Traffic::start(broker, pace).await.map_err(raised)
}

fn raised(cause: BenchError) -> PeerError {
    PeerError::Raise(Box::new(cause))
}
