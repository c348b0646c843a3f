//! `bypass` and `work` of `POST /api/v1/orders`: out of service, or planned work; with reason and end.

use axum::http::StatusCode;
use muster_core::{Millis, Part};

use super::problem::Problem;

/// What was asked, before anybody has looked it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// A zone for planned work; else a source or a channel.
    pub parts: &'static [Part],
    /// Its id.
    pub id: String,
    /// None: it ends now.
    pub for_ms: Option<Millis>,
    /// One line; the core refuses an empty one.
    pub reason: String,
}

/// Longest time that is looked at here; the core's own bound is shorter, and says so. Seconds.
const MOST_S: u32 = 7 * 86_400;

/// Reads the body's fields of such an order.
pub(super) fn asked(
    parts: &'static [Part],
    (target, for_s, reason): (Option<String>, Option<u32>, Option<String>),
) -> Result<Asked, Problem> {
    let invalid = |why: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why.to_owned());
    let id =
        target.ok_or_else(|| invalid("it needs `target`: of what? A node, device or channel; for work, a zone"))?;
    let for_s = for_s.ok_or_else(|| invalid("it needs `for_s`: for how long? 0 ends what is in force"))?;
    Ok(Asked {
        parts,
        id,
        for_ms: (for_s > 0).then(|| Millis::from(for_s.min(MOST_S)) * 1_000),
        reason: reason.unwrap_or_default(),
    })
}
