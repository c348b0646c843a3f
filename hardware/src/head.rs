//! What every profile says of itself, however its device is read.

use crate::Proof;

/// What a profile says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Maker, `[a-z0-9-]{1,32}`.
    pub vendor: String,
    /// Model or family, `[a-z0-9-]{1,32}`.
    pub model: String,
    /// The document that the addresses come from.
    pub document: String,
    /// How well it is proven.
    pub proven_by: Proof,
    /// What to know of the device, for people; one line each.
    pub quirks: Vec<String>,
    /// Shortest poll period that the device bears, in milliseconds, 10 to 3,600,000.
    pub min_poll_ms: u64,
    /// An answer later than this counts as none, in milliseconds, 10 to 30,000.
    pub timeout_ms: u64,
}

impl Head {
    /// `vendor/model`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.vendor, self.model)
    }
}
