//! What one case came to.

use serde::Serialize;

/// Judgement of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As the contract says.
    Pass,
    /// Not as the contract says.
    Fail,
    /// Does not apply here, or cannot be seen from outside.
    NotSeen,
}

/// One case: what was sent, what came, and what to make of it.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Its name, which stays the same from version to version.
    pub case: &'static str,
    /// In words.
    pub sent: String,
    /// In words.
    pub came: String,
    /// See [`Verdict`].
    pub verdict: Verdict,
    /// Why it is not a pass; empty if it is.
    pub why: String,
    /// What to do about a fail; empty if it is none.
    pub mend: String,
}

impl Finding {
    pub(super) fn new(case: &'static str, sent: impl Into<String>) -> Self {
        Self {
            case,
            sent: sent.into(),
            came: String::new(),
            verdict: Verdict::Pass,
            why: String::new(),
            mend: String::new(),
        }
    }

    pub(super) fn came(mut self, came: impl Into<String>) -> Self {
        self.came = came.into();
        self
    }

    pub(super) fn fail(mut self, why: impl Into<String>, mend: impl Into<String>) -> Self {
        self.verdict = Verdict::Fail;
        (self.why, self.mend) = (why.into(), mend.into());
        self
    }

    pub(super) fn not_seen(mut self, why: impl Into<String>) -> Self {
        self.verdict = Verdict::NotSeen;
        self.why = why.into();
        self
    }
}
