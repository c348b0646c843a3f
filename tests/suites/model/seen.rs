//! States that have to be seen, or the model has not looked where it matters.

use super::Checked;
use super::judge::Grounds;
use super::moment::{Gateway, Moment};
use super::play;

type Seen = fn(&Checked, &Moment) -> bool;

fn any(m: &Moment, is: impl Fn(&Gateway) -> bool) -> bool {
    m.gateways.iter().any(is)
}

fn by(m: &Moment, grounds: Grounds) -> bool {
    any(m, |g| g.judge.grounds == Some(grounds))
}

fn died(m: &Moment, at: &str) -> bool {
    any(m, |g| g.died_at == Some(at))
}

fn work(m: &Moment, state: &str) -> bool {
    any(m, |g| play::works(g).any(|s| s == state))
}

/// All of them, by name.
pub(crate) const ALL: &[(&str, Seen)] = &[
    ("evacuated by two votes", |_, m| by(m, Grounds::Votes)),
    ("evacuated by a window that nobody aborted", |_, m| {
        by(m, Grounds::Window)
    }),
    ("evacuated by two people", |_, m| by(m, Grounds::Order)),
    ("evacuated by a cut", |_, m| by(m, Grounds::Cut)),
    ("an abort window is open", |_, m| {
        any(m, |g| !g.judge.windows.is_empty())
    }),
    ("an abort keeps work from beginning", |_, m| {
        any(m, |g| g.judge.aborted && play::works(g).any(|s| s == "waiting"))
    }),
    ("a new vote ends an abort", |_, m| any(m, |g| g.judge.lifted)),
    ("the last rung is done", |_, m| work(m, "stopped")),
    ("moved", |_, m| work(m, "moved")),
    ("stranded on the last rung", |_, m| work(m, "stranded")),
    ("a token is refused", |_, m| m.receiver.refused),
    ("slow work is overtaken", |_, m| m.receiver.overtaken),
    ("steps go out without the disk", |_, m| any(m, |g| g.judge.undurable)),
    ("reset, and the next incident is open", |_, m| {
        any(m, |g| g.judge.resets > 0 && g.judge.open)
    }),
    ("home again", |_, m| work(m, "home")),
    ("on its way home", |_, m| work(m, "returning")),
    ("what is away is left where it is", |_, m| {
        any(m, |g| {
            g.judge.grounds.is_some() && !g.judge.away.is_empty() && g.judge.sent_away == 0
        })
    }),
    ("what is home again is moved again", |_, m| {
        any(m, |g| g.judge.came_home && g.judge.sent_away > 0)
    }),
    ("died while nothing was known", |_, m| died(m, "quiet")),
    ("died with one vote", |_, m| died(m, "prepare")),
    ("died in an abort window", |_, m| died(m, "window")),
    ("died in the cordon", |_, m| died(m, "cordon")),
    ("died while work was moving", |_, m| died(m, "moving")),
    ("died when all was saved", |_, m| died(m, "ended")),
    ("died after an abort", |_, m| died(m, "aborted")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::scene;

    #[test]
    fn every_state_is_looked_for_in_some_scene_and_every_scene_looks_for_what_there_is() {
        let known: BTreeSet<&str> = super::ALL.iter().map(|(name, _)| *name).collect();
        let used: BTreeSet<&str> = scene::ALL.iter().flat_map(|s| s.sees).copied().collect();
        assert_eq!(known, used);
    }
}
