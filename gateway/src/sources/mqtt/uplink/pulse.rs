//! Proof of life: a word of ours that has to come back through the broker. A connection that stands and brings nothing
//! any more looks well from both ends (reported of rumqttc with 400 field devices), and a broker whose queue for us is
//! full drops what it owes us without a word.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::port::Sender;

/// Pause between two words.
pub(super) const EVERY: Duration = Duration::from_secs(3);
/// A word has to be back within this. With `EVERY` a dead network is noticed within 11 s; 15 s are allowed.
const WITHIN: Duration = Duration::from_secs(8);

/// The gateway's own words on its own topic.
pub(super) struct Pulse {
    /// No node's: an id has no `_`.
    pub(super) topic: String,
    /// Unlike that of any other run, so that what an old one left in the broker proves nothing.
    run: String,
    count: AtomicU64,
    heard: watch::Sender<Vec<u8>>,
}

impl Pulse {
    pub(super) fn new(site: &str, client_id: &str) -> Self {
        let mut run = [0; 8];
        // Without randomness runs differ by their client ids only, which is enough to hear ourselves.
        let _ = getrandom::fill(&mut run);
        Self {
            topic: format!("muster/v1/{site}/_pulse/{client_id}"),
            run: run.iter().map(|byte| format!("{byte:02x}")).collect(),
            count: AtomicU64::new(0),
            heard: watch::channel(Vec::new()).0,
        }
    }

    /// A word came back.
    pub(super) fn hear(&self, payload: Vec<u8>) {
        self.heard.send_replace(payload);
    }

    /// Speaks once, and waits for it to come back; false if it did not.
    pub(super) async fn beat(&self, sender: &Sender) -> bool {
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        let word = format!("{}-{n}", self.run).into_bytes();
        let mut heard = self.heard.subscribe();
        let back =
            async { sender.publish(&self.topic, word.clone()).await && heard.wait_for(|h| *h == word).await.is_ok() };
        tokio::time::timeout(WITHIN, back).await == Ok(true)
    }

    /// Why a line without this has to end.
    pub(super) fn missing(&self) -> String {
        let s = WITHIN.as_secs();
        format!(
            "it has not brought back within {s} s what we sent through it on {}",
            self.topic
        )
    }
}
