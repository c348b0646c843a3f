//! Whoever answers the decision: hooks and the disk, well or as drawn.

use muster_core::{Call, HookOutcome, Input, Millis};
use muster_sim::building::Dice;

/// Hooks and the disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    /// Hooks answer as these fall; at once and well without any.
    pub(crate) hooks: Option<Dice>,
    /// Until then the disk takes nothing. Engine time.
    pub(crate) disk_well_at: Millis,
    /// What the disk has still to take.
    pub(crate) untaken: Option<u64>,
    /// Answers that are under way, and when they come.
    late: Vec<(Millis, Input)>,
}

impl Peers {
    /// The answer of a hook: now, and later.
    pub(crate) fn answer(&mut self, now: Millis, call: Call) -> Input {
        let Call {
            incident, step, mode, ..
        } = call;
        let input = |outcome| Input::Hook {
            incident: incident.clone(),
            step: step.clone(),
            mode,
            outcome,
        };
        let Some(dice) = &mut self.hooks else {
            return input(HookOutcome::Done);
        };
        match dice.below(20) {
            0..=9 => input(HookOutcome::Done),
            10..=12 => input(HookOutcome::Retry {
                cause: "as drawn".into(),
            }),
            13 => input(HookOutcome::Cannot {
                note: "as drawn".into(),
            }),
            14 => input(HookOutcome::Running { percent: Some(10) }),
            _ => {
                let done_at = now + (dice.decades(1.0, 120.0) * 1_000.0) as Millis;
                self.late.push((done_at, input(HookOutcome::Done)));
                input(HookOutcome::Accepted)
            }
        }
    }

    /// Whether the disk takes it.
    pub(crate) fn store(&mut self, now: Millis, through: u64) -> Option<Input> {
        if now < self.disk_well_at {
            self.untaken = Some(through);
            return None;
        }
        self.untaken = None;
        Some(Input::Stored { through })
    }

    /// When something of it is due next.
    pub(crate) fn next(&self) -> Option<Millis> {
        let disk = self.untaken.map(|_| self.disk_well_at);
        self.late.iter().map(|(at, _)| *at).chain(disk).min()
    }

    /// What is due now.
    pub(crate) fn take_due(&mut self, now: Millis) -> Option<Input> {
        if now >= self.disk_well_at
            && let Some(through) = self.untaken.take()
        {
            return Some(Input::Stored { through });
        }
        let at = self.late.iter().position(|(at, _)| *at <= now)?;
        Some(self.late.remove(at).1)
    }

    /// From now on everything is well.
    pub(crate) fn heal(&mut self, now: Millis) {
        self.hooks = None;
        self.disk_well_at = self.disk_well_at.min(now);
    }
}
