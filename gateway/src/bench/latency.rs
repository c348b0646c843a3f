//! Deciding message published → webhook fully received, and where the time goes.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::neighbours::{Neighbours, Turn, Watched};
use super::site::Others;
use super::stand::{Stand, Trial};
use super::stats::Quantiles;
use super::traffic::{Encoding, Pace, Traffic};
use super::{BenchError, Goal, Round};

/// Nodes that make other traffic.
pub(super) const OTHER_NODES: usize = 4;
/// Readings that make up the other traffic, of design §11. A second.
pub(super) const OTHER_READINGS: u64 = 20_000;
/// Packs of the other traffic hold so many readings: a few sensors of one board, as real nodes send; and one, the hardest.
pub(super) const OTHER_PACKS: [usize; 2] = [10, 1];
/// A large site: nodes and the channels of each, every channel heard once a second.
pub(super) const LARGE: Others = Others {
    nodes: 2_000,
    channels: 50,
};

/// One row of latencies.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// Channels in the config.
    pub channels: usize,
    /// Readings a second of other traffic that were really sent; 0 when quiet.
    pub beside_readings_per_s: u64,
    /// Readings in each message of it; 0 when quiet.
    pub beside_readings_a_message: usize,
    /// Published → webhook fully received.
    pub total_us: Quantiles,
    /// The commit of the same trials.
    pub commit_us: Quantiles,
    /// Total less commit, trial by trial.
    pub less_commit_us: Quantiles,
    /// Published → vote cast.
    pub decide_us: Quantiles,
    /// Vote cast → intent durable, less the commit itself.
    pub journal_us: Quantiles,
    /// Intent durable → webhook fully received.
    pub call_us: Quantiles,
    /// Who else used the machine meanwhile.
    pub neighbours: Neighbours,
    /// Of design §11.
    pub goals: Vec<Goal>,
}

/// What goes on beside a row's trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// So many readings a message.
    Packs(usize),
}

/// A row while it is measured.
struct Measured {
    beside: Beside,
    trials: Vec<Trial>,
    watched: Watched,
    /// Readings a second that each turn's traffic came to.
    paces: Vec<u64>,
}

/// Muster's rows, measured in turn with whatever else is measured.
pub(super) struct Rows {
    stand: Stand,
    channels: usize,
    rows: Vec<Measured>,
    /// Turns beside other traffic so far: each has nodes of its own, whose packs nobody has seen.
    turns: usize,
}

impl Rows {
    /// Starts the gateway, for so many rounds.
    pub(super) async fn start(folder: &Path, rounds: usize) -> Result<Self, BenchError> {
        let others = Others {
            nodes: OTHER_NODES * OTHER_PACKS.len() * rounds,
            channels: OTHER_PACKS[0],
        };
        let beside = OTHER_PACKS.map(Beside::Packs);
        let rows = [Beside::Nothing].into_iter().chain(beside).map(Measured::new);
        Ok(Self {
            stand: Stand::heard(folder, "latency.db", others).await?,
            channels: others.nodes * others.channels + 2,
            rows: rows.collect(),
            turns: 0,
        })
    }

    /// One round of `trials` of the quiet row in all, and half as many of each other.
    pub(super) async fn round(&mut self, round: Round, trials: usize) -> Result<(), BenchError> {
        for at in 0..self.rows.len() {
            let traffic = self.traffic(self.rows[at].beside).await?;
            let turn = Turn::begin();
            let trials = if traffic.is_none() { trials } else { trials.div_ceil(2) };
            let measured = self.stand.trials(round.share(trials)).await?;
            let row = &mut self.rows[at];
            turn.end(&mut row.watched);
            row.trials.extend(measured);
            if let Some(traffic) = traffic {
                row.paces.push(traffic.end().await?);
            }
        }
        Ok(())
    }

    async fn traffic(&mut self, beside: Beside) -> Result<Option<Traffic>, BenchError> {
        let Beside::Packs(readings_a_message) = beside else {
            return Ok(None);
        };
        let first = self.turns * OTHER_NODES;
        self.turns += 1;
        let pace = Pace {
            nodes: first..first + OTHER_NODES,
            readings_a_message,
            readings_per_s: OTHER_READINGS,
            encoding: Encoding::Cbor,
        };
        let broker = self.stand.gateway.mqtt.ok_or(BenchError::Node)?;
        Traffic::start(broker, pace).await.map(Some)
    }

    /// Stops the gateway; what came of all rounds.
    pub(super) async fn end(self) -> Vec<Latency> {
        self.stand.gateway.stop().await;
        let rows = self.rows.iter();
        rows.map(|row| Latency::of(row, self.channels)).collect()
    }
}

/// A gateway of its own with 100,000 channels, each heard once a second.
pub(super) async fn large(folder: &Path, trials: usize) -> Result<Latency, BenchError> {
    let mut stand = Stand::heard(folder, "large.db", LARGE).await?;
    let pace = Pace {
        nodes: 0..LARGE.nodes,
        readings_a_message: LARGE.channels,
        readings_per_s: (LARGE.nodes * LARGE.channels) as u64,
        encoding: Encoding::Cbor,
    };
    let traffic = Traffic::start(stand.gateway.mqtt.ok_or(BenchError::Node)?, pace).await?;
    let mut row = Measured::new(Beside::Packs(LARGE.channels));
    let turn = Turn::begin();
    row.trials = stand.trials(trials).await?;
    turn.end(&mut row.watched);
    row.paces.push(traffic.end().await?);
    stand.gateway.stop().await;
    Ok(Latency::of(&row, LARGE.nodes * LARGE.channels + 2))
}

impl Measured {
    fn new(beside: Beside) -> Self {
        Self {
            beside,
            trials: Vec::new(),
            watched: Watched::default(),
            paces: Vec::new(),
        }
    }
}

impl Latency {
    fn of(row: &Measured, channels: usize) -> Self {
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let quantiles = |part: fn(&Trial) -> Duration| Quantiles::of(row.trials.iter().map(|trial| us(part(trial))));
        let less_commit_us = quantiles(|trial| trial.total.saturating_sub(trial.commit));
        Self {
            channels,
            beside_readings_per_s: row.paces.iter().sum::<u64>() / row.paces.len().max(1) as u64,
            beside_readings_a_message: match row.beside {
                Beside::Nothing => 0,
                Beside::Packs(readings) => readings,
            },
            total_us: quantiles(|trial| trial.total),
            commit_us: quantiles(|trial| trial.commit),
            less_commit_us,
            decide_us: quantiles(|trial| trial.decide),
            journal_us: quantiles(|trial| trial.journal),
            call_us: quantiles(|trial| trial.call),
            neighbours: row.watched.mean(),
            goals: goals(row.beside, &less_commit_us),
        }
    }
}

fn goals(beside: Beside, less_commit_us: &Quantiles) -> Vec<Goal> {
    match beside {
        Beside::Nothing => vec![
            Goal {
                goal: "quiet, less commit: p50 at most 1 ms",
                met: less_commit_us.p50 <= 1_000,
            },
            Goal {
                goal: "quiet, less commit: p99 at most 3 ms",
                met: less_commit_us.p99 <= 3_000,
            },
        ],
        Beside::Packs(_) => vec![Goal {
            goal: "beside 20,000 readings/s or more, less commit: p99 at most 10 ms",
            met: less_commit_us.p99 <= 10_000,
        }],
    }
}
