//! Why something could not be done at libvirt, and what that means for a step.

use std::time::Duration;

use muster_core::HookOutcome;

use crate::counters::Cause;
use crate::hooks::note;

/// Why there is no answer, or none that helps.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// `virsh` itself cannot be run.
    #[error("virsh cannot be started")]
    Start(#[source] std::io::Error),
    /// It took too long, and was ended.
    #[error("virsh {what} had not ended after {} s", .limit.as_secs())]
    Timeout { what: String, limit: Duration },
    /// It ended with an error.
    #[error("{error}")]
    Said { error: String },
    /// Certain: the next rung.
    #[error("{0}")]
    Cannot(String),
    /// Not now.
    #[error("{0}")]
    NotYet(String),
    /// Somebody has acted on it with a higher token.
    #[error("{0} has been acted on with a higher token, {1}")]
    Overtaken(String, u64),
}

impl Fault {
    /// For the core, and the cause it is counted by.
    pub(super) fn outcome(&self) -> (HookOutcome, Option<Cause>) {
        let line = note::clean(self.to_string().as_bytes());
        let retry = |cause| (HookOutcome::Retry { cause: line.clone() }, Some(cause));
        match self {
            Self::Cannot(_) => (HookOutcome::Cannot { note: line }, None),
            Self::Overtaken(..) => (HookOutcome::TokenRefused, None),
            Self::NotYet(_) => (HookOutcome::Retry { cause: line }, None),
            Self::Start(_) => retry(Cause::HookConnect),
            Self::Timeout { .. } => retry(Cause::HookTimeout),
            Self::Said { .. } => retry(Cause::HookExit),
        }
    }

    /// Whether the hypervisor answered that it has no such machine. `virsh` has one exit code for everything.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Said { error } if error.contains("failed to get domain"))
    }

    /// Whether nobody is there to be connected to. No answer, no way out of here and no leave to come in say nothing of that.
    pub(super) fn is_refusal(&self) -> bool {
        let refused = ["Connection refused", "No route to host"];
        matches!(self, Self::Said { error } if refused.iter().any(|words| error.contains(words)))
    }

    /// Whether the machine has no metadata of ours.
    pub(super) fn is_unmarked(&self) -> bool {
        matches!(self, Self::Said { error } if error.contains("metadata not found"))
    }
}
