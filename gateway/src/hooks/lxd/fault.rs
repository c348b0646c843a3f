//! Why something could not be done at LXD, and what that means for a step.

use muster_core::HookOutcome;

use crate::counters::Cause;
use crate::hooks::note;
use crate::hooks::webhook::Failure;

/// Why there is no answer, or none that helps.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Nobody answered; the last failure.
    #[error("{0}: {line}", line = .1.line())]
    Way(String, Failure),
    /// TLS cannot be set up with the files of the config.
    #[error("{0}")]
    Tls(String),
    /// It answered with an error.
    #[error("LXD: {error} ({code})")]
    Said { code: u16, error: String },
    /// It answered what cannot be read.
    #[error("an answer of LXD that cannot be read: {0}")]
    Garbled(String),
    /// It knows us not.
    #[error("LXD does not trust our certificate: on a member, `lxc config trust add` it")]
    Untrusted,
    /// An operation has failed there.
    #[error("{what}: {err}")]
    Operation { what: String, err: String },
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
            Self::Cannot(_) | Self::Untrusted => (HookOutcome::Cannot { note: line }, None),
            Self::Overtaken(..) => (HookOutcome::TokenRefused, None),
            Self::NotYet(_) => (HookOutcome::Retry { cause: line }, None),
            Self::Way(_, failure) => retry(failure.cause()),
            Self::Tls(_) => retry(Cause::HookConnect),
            Self::Said { .. } | Self::Operation { .. } => retry(Cause::HookStatus),
            Self::Garbled(_) => retry(Cause::HookBody),
        }
    }

    /// Whether it is so because there is nothing of that name.
    pub(super) const fn is_absence(&self) -> bool {
        matches!(self, Self::Said { code: 404, .. })
    }

    /// Whether whoever has it may be dead.
    pub(super) const fn is_silence(&self) -> bool {
        matches!(self, Self::Said { code: 500.., .. } | Self::Way(_, Failure::Timeout(_)))
    }

    /// Whether somebody else has changed it since we looked.
    pub(super) const fn is_stale(&self) -> bool {
        matches!(self, Self::Said { code: 412, .. })
    }
}
