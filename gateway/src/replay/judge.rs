//! Whether a course kept what its incident file expects.

use muster_core::Millis;

use super::play::Course;
use crate::incident::{Expect, Happening, Promise};

/// One expectation in one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The room.
    pub site: String,
    /// Line of the file.
    pub line: usize,
    /// Its words.
    pub text: String,
    /// Whether it was kept.
    pub kept: bool,
    /// When it happened, or how long it took, or how many there were; none if it did not happen.
    pub was: Option<Millis>,
}

/// Every expectation in every room that it is about.
#[must_use]
pub fn judge(expects: &[Expect], courses: &[Course]) -> Vec<Judged> {
    let mut judged = Vec::new();
    for expect in expects {
        let about = |course: &&Course| expect.site.as_ref().is_none_or(|site| *site == course.site);
        judged.extend(courses.iter().filter(about).map(|course| one(expect, course)));
    }
    judged
}

fn one(expect: &Expect, course: &Course) -> Judged {
    let (kept, was) = match expect.promise {
        Promise::By(what, by) => {
            let was = when(what, course);
            (was.is_some_and(|at| at <= by), was)
        }
        Promise::NotBefore(what, before) => {
            let was = when(what, course);
            (was.is_none_or(|at| at >= before), was)
        }
        Promise::Moved(count, by) => {
            let moved = course.facts.safe.iter().filter(|s| s.runs() && s.at <= by).count();
            (moved >= count, Millis::try_from(moved).ok())
        }
        Promise::HookWithin(ms) => {
            let was = course.facts.reaction_ms();
            (was.is_some_and(|took| (0..=ms).contains(&took)), was)
        }
    };
    Judged {
        site: course.site.clone(),
        line: expect.line,
        text: expect.text.clone(),
        kept,
        was,
    }
}

fn when(what: Happening, course: &Course) -> Option<Millis> {
    let facts = &course.facts;
    match what {
        Happening::FirstVote => facts.first_vote,
        Happening::SecondVote => facts.second_vote,
        Happening::PrepareHook => facts.first_prepare_hook,
        Happening::EvacuateHook => facts.first_evacuate_hook,
        Happening::AllSafe => {
            let all = facts.safe.len() == course.workloads;
            facts.safe.iter().map(|s| s.at).max().filter(|_| all)
        }
    }
}
