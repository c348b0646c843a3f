//! Any moment of any recording: who voted, who did not, by how much, and what would have changed the outcome. Nothing here
//! decides: the core says what its levels rest on, and every "what if" is the same core with one thing changed.

mod course;
mod search;
mod tape;
#[cfg(test)]
mod tests;
mod twist;

pub use course::{Course, Evacuated, Moment, Peak};
pub use search::{Change, Goal, WhatIf, ZoneAnswer};
pub use tape::{Heed, Stepped, Stretch, Tape, stretches};
pub use twist::Twist;

use muster_core::{ExplainView, Millis};

use crate::recorder::ReadError;
use search::Search;

/// Inputs that the what-ifs of one explanation may replay: some seconds of work.
pub const USUAL_BUDGET: u64 = 6_000_000;

/// A moment, explained.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Engine time.
    pub at: Millis,
    /// Who votes, who could, who cannot.
    pub view: ExplainView,
    /// What was seen on the way there.
    pub moment: Moment,
    /// What would have changed the outcome, for every zone of the view.
    pub answers: Vec<ZoneAnswer>,
}

/// Explains a moment of a tape whose course is known; `zone` alone, or all of them.
///
/// # Errors
/// A file that cannot be read any more.
pub fn explain(
    tape: &Tape<'_>,
    course: &Course,
    at: Millis,
    zone: Option<&str>,
    budget: u64,
) -> Result<Explanation, ReadError> {
    let moment = Moment::of(tape, at)?;
    let mut view = moment.state.explain(at);
    view.zones.retain(|z| zone.is_none_or(|zone| z.id == zone));
    let mut search = Search::new(tape, course, &moment, budget);
    let answers = view
        .zones
        .iter()
        .map(|zone| search.answer(zone))
        .collect::<Result<_, _>>()?;
    Ok(Explanation {
        at,
        view,
        moment,
        answers,
    })
}
