//! The place workloads move to: a process of its own, reached by real webhooks.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::cli::sim::RECEIVER_SECRET;

/// It has to say where it listens within this.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// It has to say what it did within this.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Why there is no destination.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// The process did not start.
    #[error("cannot start the simulated destination")]
    Start(#[source] std::io::Error),
    /// It did not say where it listens.
    #[error("the simulated destination did not say where it listens")]
    Silent,
    /// It did not say what it did.
    #[error("the simulated destination did not say what it did")]
    Effects(#[source] reqwest::Error),
}

/// A running destination; ends with this process, however that ends.
#[derive(Debug)]
pub(super) struct Destination {
    /// Where it takes webhooks.
    pub(super) address: SocketAddr,
    _process: Child,
}

impl Destination {
    /// Starts one as a child process that checks signatures with `secret` (`whsec_…`).
    ///
    /// # Errors
    /// The process does not start, or does not say where it listens.
    pub(super) async fn start(seed: u64, secret: &str) -> Result<Self, DestinationError> {
        let muster = std::env::current_exe().map_err(DestinationError::Start)?;
        let mut process = Command::new(muster)
            .args(["sim", "receiver", "--listen", "127.0.0.1:0", "--until-eof", "--seed"])
            .arg(seed.to_string())
            .env(RECEIVER_SECRET, secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(DestinationError::Start)?;
        let said = process.stdout.take().ok_or(DestinationError::Silent)?;
        let mut lines = BufReader::new(said).lines();
        let first = tokio::time::timeout(READY_WITHIN, lines.next_line()).await;
        let line = first
            .ok()
            .and_then(Result::ok)
            .flatten()
            .ok_or(DestinationError::Silent)?;
        let address = line
            .rsplit_once("http://")
            .and_then(|(_, rest)| rest.trim_end_matches('/').parse().ok());
        Ok(Self {
            address: address.ok_or(DestinationError::Silent)?,
            _process: process,
        })
    }

    /// Steps whose effect was made more than once, by its own books.
    ///
    /// # Errors
    /// It does not answer.
    pub(super) async fn doubled(&self) -> Result<u64, DestinationError> {
        let url = format!("http://{}/effects", self.address);
        let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build();
        let answer = client.map_err(DestinationError::Effects)?.get(url).send().await;
        let books: serde_json::Value = match answer {
            Ok(answer) => answer.json().await.map_err(DestinationError::Effects)?,
            Err(error) => return Err(DestinationError::Effects(error)),
        };
        let steps = books["steps"].as_object().into_iter().flatten();
        Ok(steps
            .filter(|(_, step)| step["effects"].as_u64().unwrap_or(0) > 1)
            .count() as u64)
    }
}
