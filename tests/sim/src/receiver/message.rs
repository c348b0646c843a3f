//! A webhook as the contract words it. Unknown fields are skipped.

use serde::{Deserialize, Serialize};

use super::work::Rung;

/// The CloudEvents envelope.
#[derive(Deserialize)]
pub(super) struct Envelope {
    pub(super) specversion: String,
    pub(super) data: Message,
}

/// What is asked for.
#[derive(Clone, Deserialize)]
pub(super) struct Message {
    pub(super) mode: Mode,
    pub(super) incident: String,
    pub(super) step: String,
    pub(super) phase: Phase,
    pub(super) workload: String,
    pub(super) rung: Rung,
    #[serde(default)]
    pub(super) destination: Option<String>,
    pub(super) token: u64,
    #[serde(flatten)]
    pub(super) report_to: ReportTo,
    /// How many times faster than real time the story runs.
    #[serde(default)]
    pub(super) clock_speed: Option<u32>,
}

/// Where progress goes; a retry may bring a new bearer.
#[derive(Clone, Deserialize, Default)]
pub(super) struct ReportTo {
    #[serde(default)]
    pub(super) progress_url: Option<String>,
    #[serde(default)]
    pub(super) progress_token: Option<String>,
}

/// Drill or live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    Live,
    Drill,
}

/// Part of a rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Prepare,
    Evacuate,
    Verify,
    Restore,
}

impl Mode {
    /// Before the keys of drills.
    const fn mark(self) -> &'static str {
        match self {
            Self::Live => "",
            Self::Drill => "drill.",
        }
    }
}

impl Message {
    /// The idempotency key. A drill's is another one, so that it never swallows the live call.
    pub(super) fn key(&self) -> String {
        format!("{}{}.{}", self.mode.mark(), self.incident, self.step)
    }

    /// Tokens rise within a workload of a site; the incident's number is cut off. Drills have a fence of their own.
    pub(super) fn fence(&self) -> String {
        let site = self
            .incident
            .rsplit_once('-')
            .map_or(self.incident.as_str(), |(site, _)| site);
        format!("{}{site}/{}", self.mode.mark(), self.workload)
    }
}
