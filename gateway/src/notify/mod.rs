//! Telling the world: people, programs and a dead-man's watch outside the site. It decides nothing, it only carries; and it
//! delays nothing: what cannot be told waits here, and nobody else waits for it.
//!
//! [`listen`] hears every event and puts what a place wants to know into the queue of its [`desk`]; a task a place
//! ([`place`]) carries it out until it is out. How far each place was told is kept beside the journal ([`kept`]), so that
//! what a kill cut off is told after the restart ([`missed`]).

mod beat;
mod carrier;
mod desk;
mod email;
mod figures;
mod heartbeat;
mod kept;
mod listen;
mod missed;
mod notice;
mod notifier;
mod place;
mod post;
mod queue;
mod scene;
mod sort;
#[cfg(test)]
mod tests;
mod trouble;
mod webhook;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use muster_core::View;
use tokio::sync::watch;

pub use carrier::{Carrier, Failure};
pub use figures::Figures;
pub use notice::Notice;
pub use notifier::{Notifier, Ready};

use crate::api::Here;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::lanes::Lanes;

/// What telling needs of the gateway.
#[derive(Clone, Debug)]
pub struct Context {
    /// For ages and times.
    pub clock: Clock,
    /// For what did not go out.
    pub counters: Counters,
    /// Where trouble goes.
    pub lanes: Lanes,
    /// What is shown; its age is the pulse of the decision loop.
    pub view: watch::Receiver<Arc<View>>,
    /// How people call the gateway.
    pub here: Here,
    /// The journal, whose ring of lines is read for what a restart cut off.
    pub journal: PathBuf,
    /// The last id a line may have had before this start.
    pub told: i64,
}

/// How long things take. Real time, in a simulation too.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One attempt, from resolving the name to the last byte (design §6: 10 s).
    pub attempt: Duration,
    /// What one turn of the decision says comes together, and the page shows it: longer than the engine waits with a view.
    pub gather: Duration,
    /// A burst of trouble comes together.
    pub gather_trouble: Duration,
    /// Trouble is told at most this often a place (ISA-18.2: more than 10 lines in 10 min are a flood).
    pub digest_every: Duration,
    /// First pause after an attempt that failed; it doubles.
    pub backoff_min: Duration,
    /// Longest pause.
    pub backoff_max: Duration,
    /// A place with nothing to be told is looked at this often, so that a dead way is known before it is needed.
    pub look_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(10),
            gather: Duration::from_millis(150),
            gather_trouble: Duration::from_secs(2),
            digest_every: Duration::from_secs(60),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            look_every: Duration::from_secs(3_600),
        }
    }
}
