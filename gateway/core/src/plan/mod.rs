//! From a level and a runway to steps: who goes when, by which rung, and what to do when a step does not go well.

mod drive;
mod order;
pub(crate) mod schedule;

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use crate::{HookIx, Millis, Mode, Phase, RungKind, Site, StepEnd, Workload, WorkloadIx};

/// Workloads and steps of the open incident (or of the last one, until the next opens).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    pub(crate) works: Vec<Work>,
    pub(crate) steps: Vec<Step>,
    pub(crate) by_id: BTreeMap<String, u32>,
    /// Intents since the incident opened: the low half of the fencing token.
    pub(crate) intents: u32,
    /// Order of work: tier, then the longest way still to go; dependencies first.
    pub(crate) queue: Vec<WorkloadIx>,
    /// When something is due though nothing happens.
    pub(crate) wake: Option<Millis>,
}

/// How far a workload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    #[default]
    Waiting,
    Moving,
    Verifying,
    /// Verified by its probe.
    Safe,
    /// Its last rung cannot; tried again and again.
    Stranded,
    /// The site is disarmed and its hook takes no drills.
    Skipped,
}

/// One workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Work {
    pub(crate) stage: Stage,
    /// Position in the ladder, now.
    pub(crate) rung: u8,
    /// Rungs whose hook said that it cannot.
    pub(crate) refused: u16,
    pub(crate) prepared: bool,
    pub(crate) safe_at: Option<Millis>,
    pub(crate) why: String,
}

/// What a step is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Doing {
    /// Waits for the journal until then, at the longest.
    Intent { release_at: Millis, seq: u64 },
    /// An attempt is under way since then.
    Called { since: Millis },
    /// The hook is at it; last heard then.
    Accepted { heard: Millis },
    /// To be tried again then.
    Backoff { until: Millis },
    /// Over.
    Ended { end: StepEnd, at: Millis },
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) work: WorkloadIx,
    pub(crate) rung: u8,
    pub(crate) phase: Phase,
    pub(crate) mode: Mode,
    pub(crate) token: u64,
    pub(crate) begun: Millis,
    pub(crate) doing: Doing,
    pub(crate) attempts: u32,
    pub(crate) percent: Option<u8>,
    pub(crate) stuck: bool,
    pub(crate) note: String,
}

impl Step {
    pub(crate) fn ended(&self) -> Option<(StepEnd, Millis)> {
        match self.doing {
            Doing::Ended { end, at } => Some((end, at)),
            _ => None,
        }
    }
}

impl Plan {
    pub(crate) fn new(site: &Site) -> Self {
        let works = site.workloads.iter().map(|_| Work::default()).collect();
        Self {
            works,
            queue: order::queue(site),
            ..Self::default()
        }
    }

    /// Forgets what was done in another mode or in another incident.
    pub(crate) fn start_over(&mut self) {
        self.works.iter_mut().for_each(|w| *w = Work::default());
        self.steps.clear();
        self.by_id.clear();
        self.wake = None;
    }

    pub(crate) fn step(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).map(|i| *i as usize)
    }

    /// The step of a workload in a phase that has not ended.
    pub(crate) fn live(&self, work: WorkloadIx, phase: Phase) -> Option<usize> {
        self.steps
            .iter()
            .position(|s| s.work == work && s.phase == phase && s.ended().is_none())
    }

    /// Steps that a hook is carrying out. One that waits to be tried again takes up no lane.
    pub(crate) fn busy(&self, site: &Site, hook: HookIx) -> usize {
        let idle = |s: &Step| matches!(s.doing, Doing::Ended { .. } | Doing::Backoff { .. });
        let occupies = |s: &&Step| !idle(s) && rung_of(site, s.work, s.rung).1 == hook;
        self.steps.iter().filter(occupies).count()
    }
}

/// `{workload}.{rung}.{phase}[.{destination}]` (design §6).
pub(crate) fn step_id(workload: &Workload, rung: u8, phase: Phase) -> String {
    let rung = &workload.rungs[rung as usize];
    match &rung.to {
        Some(to) => format!("{}.{}.{phase}.{to}", workload.id, rung.kind),
        None => format!("{}.{}.{phase}", workload.id, rung.kind),
    }
}

/// What a rung does, who does it, and how long it takes.
pub(crate) fn rung_of(site: &Site, work: WorkloadIx, rung: u8) -> (RungKind, HookIx, Millis) {
    let rung = &site.workloads[work.at()].rungs[rung as usize];
    (rung.kind, rung.hook, rung.needs_ms)
}

/// Time the last rung needs: what is kept in reserve to the end.
pub(crate) fn reserve_ms(site: &Site, work: WorkloadIx) -> Millis {
    site.workloads[work.at()].rungs.last().map_or(0, |r| r.needs_ms)
}
