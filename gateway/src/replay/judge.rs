//! Whether a course kept what its incident file expects.

use muster_core::{Level, Millis};

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
    /// What happened instead, or how well it was kept.
    pub was: Was,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Was {
    /// It did not happen.
    Never,
    /// It happened then.
    At(Millis),
    /// It took so long.
    Took(Millis),
    /// There were so many.
    Count(usize),
    /// The level was this.
    Level(Level),
}

impl Was {
    fn at(when: Option<Millis>) -> Self {
        when.map_or(Self::Never, Self::At)
    }
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
    let (kept, was) = kept(&expect.promise, course);
    Judged {
        site: course.site.clone(),
        line: expect.line,
        text: expect.text.clone(),
        kept,
        was,
    }
}

fn kept(promise: &Promise, course: &Course) -> (bool, Was) {
    let timed = |was: Option<Millis>, is_good: &dyn Fn(Option<Millis>) -> bool| (is_good(was), Was::at(was));
    let level = |level: Level, is_good: bool| (is_good, Was::Level(level));
    match promise {
        Promise::By(what, by) => timed(when(*what, course), &|was| was.is_some_and(|at| at <= *by)),
        Promise::NotBefore(what, before) => timed(when(*what, course), &|was| was.is_none_or(|at| at >= *before)),
        Promise::Never(what) => timed(when(*what, course), &|was| was.is_none()),
        Promise::TroubleBy(subject, by) => timed(course.trouble(Some(subject)), &|was| was.is_some_and(|at| at <= *by)),
        Promise::NoTrouble => timed(course.trouble(None), &|was| was.is_none()),
        Promise::AtMost(most) => level(course.highest(), course.highest() <= *most),
        Promise::LevelAt(expected, at) => level(course.level_at(*at), course.level_at(*at) == *expected),
        Promise::LevelBy(least, by) => {
            let first = course.levels.iter().find(|(_, level)| level >= least);
            timed(first.map(|(at, _)| *at), &|was| was.is_some_and(|at| at <= *by))
        }
        Promise::Moved(count, by) => {
            let moved = course.facts.safe.iter().filter(|s| s.runs() && s.at <= *by).count();
            (moved >= *count, Was::Count(moved))
        }
        Promise::HookWithin(ms) => match course.facts.reaction_ms() {
            Some(took) => ((0..=*ms).contains(&took), Was::Took(took)),
            None => (false, Was::Never),
        },
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
