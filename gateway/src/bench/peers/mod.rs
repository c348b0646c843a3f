//! What a user would pick instead, measured in the same run and in turn: the condition is raised and the webhook received
//! by this process, so that both stamps are of one clock. A peer that is not installed says so in its row.

mod chain;
mod line_up;
mod mosquitto;
mod node_red;
mod nut;
pub(super) mod process;
mod shell;

use std::path::Path;

use serde::Serialize;

use super::neighbours::Neighbours;
use super::stats::Quantiles;
use super::{BenchError, Latency, Round};
use crate::clock::Stopwatch;
use crate::lines;
use chain::Chain;

/// One chain, quiet or beside other traffic.
#[derive(Clone, Debug, Serialize)]
pub struct Peer {
    /// What is chained.
    pub chain: &'static str,
    /// How it is set.
    pub settings: &'static str,
    /// What it does and does not do.
    pub does: &'static str,
    /// The program that limits it and its version; none where it is not installed or does not say.
    pub version: Option<String>,
    /// Readings a second of other traffic that were really sent; 0 when quiet.
    pub beside_readings_per_s: u64,
    /// Readings in each message of it; 0 when quiet.
    pub beside_readings_a_message: usize,
    /// Condition raised → webhook fully received; none where nothing was measured.
    pub total_us: Option<Quantiles>,
    /// Its median in units of Muster's total, beside the same traffic.
    pub p50_to_muster: Option<f64>,
    /// Its 99th percentile in units of Muster's total; none of fewer than 100 events.
    pub p99_to_muster: Option<f64>,
    /// Who else used the machine meanwhile.
    pub neighbours: Neighbours,
    /// Why there is no figure, or why there are fewer than wanted.
    pub missing: Option<String>,
}

/// Why a peer is not measured. The run goes on without it.
#[derive(Debug, thiserror::Error)]
pub(super) enum PeerError {
    #[error("not installed: {0}")]
    NotInstalled(&'static str),
    #[error("{0}")]
    Alike(String),
    #[error("its files could not be written")]
    Files(#[source] std::io::Error),
    #[error("it did not start")]
    Start(#[source] std::io::Error),
    #[error("its output cannot be read")]
    Pipe,
    #[error("{0} was not up within {1} s")]
    NotUp(&'static str, u64),
    #[error("no webhook within {0} s")]
    NoWebhook(u64),
    #[error("the condition, or the other traffic, could not be raised")]
    Raise(#[source] Box<BenchError>),
}

/// What the peers need to be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup<'a> {
    /// For their files.
    pub(super) folder: &'a Path,
    /// Into which folder Node-RED was installed, if somebody says.
    pub(super) node_red: Option<&'a Path>,
    pub(super) watch: Stopwatch,
}

/// All chains, each with its rows.
pub(super) struct Peers {
    chains: Vec<Chain>,
}

impl Peers {
    /// Starts whatever is installed.
    pub(super) async fn start(setup: Setup<'_>) -> Self {
        // At the same time, because they take seconds each; measured they are in turn.
        let (shell, [default, kept], slow, fast) = tokio::join!(
            line_up::shell(setup),
            line_up::node_red(setup),
            line_up::nut(setup, nut::DEFAULTS),
            line_up::nut(setup, nut::FASTEST)
        );
        Self {
            chains: vec![shell, default, kept, slow, fast],
        }
    }

    /// One round of `events` of each row in all, and of the few that slow chains get.
    pub(super) async fn round(&mut self, round: Round, events: usize) {
        for chain in &mut self.chains {
            chain.round(round, events).await;
        }
    }

    /// Ends all of them; what came of all rounds, in units of Muster's rows.
    pub(super) fn end(self, muster: &[Latency]) -> Vec<Peer> {
        self.chains.iter().flat_map(|chain| chain.rows(muster)).collect()
    }
}

/// Why there is no figure, in a row's words.
fn why(error: &PeerError) -> String {
    lines::with_causes(error)
}
