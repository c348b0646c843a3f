//! What every rung is taken to need: by what it took before, else as it is declared. Looked up at every plan, so it is kept by
//! place and not by name.

use alloc::{string::String, vec::Vec};

use super::{Book, Plan, Step, step_id};
use crate::{
    Effect, EventKind, Millis, Mode, Phase, Record, Site, State, StepEnd, Way, WayView, WorkloadIx, learned::Lessons,
};

/// Ways that are shown with the status because they drift; the rest can be asked for.
const MAX_DRIFTS: usize = 64;

/// Of one rung. Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
struct Time {
    needs: Millis,
    stuck_after: Millis,
    /// It is not what is declared.
    drifts: bool,
}

/// Of every rung of every workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Times(Vec<Vec<Time>>);

impl Times {
    pub(crate) fn of(site: &Site, lessons: &Lessons) -> Self {
        let works = (0..site.workloads.len() as u16).map(WorkloadIx);
        Self(works.map(|work| Self::ladder(site, work, lessons)).collect())
    }

    fn ladder(site: &Site, work: WorkloadIx, lessons: &Lessons) -> Vec<Time> {
        let rungs = site.workloads[work.at()].rungs.iter().zip(0u8..);
        let time = |(rung, at): (&crate::Rung, u8)| {
            let declared = rung.needs_ms;
            let history = (!lessons.is_empty())
                .then(|| lessons.of(&way(site, work, at)))
                .flatten();
            history.map_or(
                Time {
                    needs: declared,
                    stuck_after: declared,
                    drifts: false,
                },
                |h| Time {
                    needs: h.needs(declared),
                    stuck_after: h.stuck_after(declared),
                    drifts: h.drift(declared).is_some(),
                },
            )
        };
        rungs.map(time).collect()
    }

    /// Nothing is known of any rung.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Time by which a rung is chosen.
    pub(crate) fn needs(&self, work: WorkloadIx, rung: u8) -> Millis {
        self.0[work.at()][usize::from(rung)].needs
    }

    /// Time after which a step of it is stuck.
    pub(crate) fn stuck_after(&self, work: WorkloadIx, rung: u8) -> Millis {
        self.0[work.at()][usize::from(rung)].stuck_after
    }
}

/// A rung by names.
pub(crate) fn way(site: &Site, work: WorkloadIx, rung: u8) -> Way {
    let workload = &site.workloads[work.at()];
    let rung = &workload.rungs[usize::from(rung)];
    Way {
        workload: workload.id.clone(),
        rung: rung.kind,
        hook: site.hooks[rung.hook.at()].id.clone(),
        destination: rung.to.clone(),
    }
}

impl Plan {
    /// Takes a duration into account.
    pub(crate) fn learn(&mut self, site: &Site, way: &Way, mode: crate::Mode, took_ms: u32) {
        self.lessons.take(way, mode, took_ms);
        if let Some(work) = self.workload(&way.workload) {
            self.times.0[work.at()] = Times::ladder(site, work, &self.lessons);
        }
    }

    /// A state of core 4 does not say what its rungs need: what is declared, then.
    pub(crate) fn know_if_older(&mut self, site: &Site) {
        if self.times.is_empty() {
            self.times = Times::of(site, &self.lessons);
        }
        if self.places.unknown() {
            self.places = super::Places::of(site);
        }
    }

    /// The same plan, knowing what another knows of times and destinations.
    pub(crate) fn knowing(mut self, site: &Site, other: &Self) -> Self {
        self.know(site, other.lessons.clone());
        self.places.take_over(other.places.clone());
        self
    }

    /// Takes over what has been learned elsewhere.
    pub(crate) fn know(&mut self, site: &Site, lessons: Lessons) {
        self.times = Times::of(site, &lessons);
        self.lessons = lessons;
    }
}

impl Book {
    /// How long a step's rung has been at work: its evacuation, and its probe if it is that far. Neither a pause between the two
    /// nor a wait for a lane is a property of the rung. None: somebody else has carried it out.
    fn spent(&self, site: &Site, step: &Step, now: Millis) -> Option<Millis> {
        let own = now - step.begun;
        if step.phase != Phase::Verify {
            return Some(own);
        }
        let evacuate = step_id(&site.workloads[step.work.at()], step.rung, Phase::Evacuate);
        let evacuate = self.step(self.find(&evacuate)?);
        match evacuate.ended()? {
            (StepEnd::Done, at) => Some(own + (at - evacuate.begun)),
            _ => None,
        }
    }
}

impl State {
    /// What a rung that ends now teaches: the time it took; or that it takes longer than it was given, if it was given all that
    /// it was said to need.
    pub(super) fn learn_from(&mut self, now: Millis, i: usize, end: StepEnd, out: &mut Vec<Effect>) {
        let step = self.plan.book.step(i);
        if step.is_homeward() {
            return;
        }
        let (work, rung, mode) = (step.work, step.rung, step.mode);
        let given_up = match (step.phase, end) {
            (Phase::Verify, StepEnd::Done) => false,
            (Phase::Verify | Phase::Evacuate, StepEnd::Superseded) => true,
            _ => return,
        };
        let Some(spent) = self.plan.book.spent(&self.site, step, now) else {
            return;
        };
        // In a drill nothing moved: who was not reached took no time that a move takes (decision 47).
        let teaches_nothing = given_up && mode == Mode::Drill;
        if teaches_nothing || given_up && spent <= self.plan.times.needs(work, rung) {
            return;
        }
        let took_ms = u32::try_from(spent).unwrap_or(u32::MAX);
        let way = way(&self.site, work, rung);
        self.record(
            now,
            Record::Learned {
                way,
                mode,
                took_ms,
                given_up,
            },
            out,
        );
        let declared = self.site.workloads[work.at()].rungs[usize::from(rung)].needs_ms;
        let known = self.plan.lessons.of(&self::way(&self.site, work, rung));
        if let Some(line) = known.and_then(|history| history.drift(declared)) {
            let id = self.site.workloads[work.at()].id.clone();
            self.say(EventKind::Workload, &id, line, out);
        }
    }

    /// What every way of saving a workload is declared to take and took, in the order of the config.
    pub fn ways(&self) -> impl Iterator<Item = WayView> + '_ {
        self.ways_from(0, usize::MAX)
    }

    /// The same of at most `most` workloads from the index `from` on: a large site is shown piece by piece, so that nothing
    /// waits long for it.
    pub fn ways_from(&self, from: usize, most: usize) -> impl Iterator<Item = WayView> + '_ {
        let all = (0u16..).map(WorkloadIx).zip(&self.site.workloads).skip(from).take(most);
        let rungs = all.flat_map(|(work, w)| (0..w.rungs.len() as u8).map(move |rung| (work, rung)));
        rungs.map(|(work, rung)| self.way_view(work, rung))
    }

    /// Those of them that are not as declared; the first ones, if they are many.
    pub(crate) fn drifts(&self) -> Vec<WayView> {
        let drifting = self
            .places()
            .filter(|(w, r)| self.plan.times.0[w.at()][usize::from(*r)].drifts);
        drifting
            .take(MAX_DRIFTS)
            .map(|(work, rung)| self.way_view(work, rung))
            .collect()
    }

    fn places(&self) -> impl Iterator<Item = (WorkloadIx, u8)> + '_ {
        let works = (0u16..).map(WorkloadIx).zip(&self.site.workloads);
        works.flat_map(|(work, w)| (0..w.rungs.len() as u8).map(move |rung| (work, rung)))
    }

    fn way_view(&self, work: WorkloadIx, rung: u8) -> WayView {
        let way = way(&self.site, work, rung);
        let declared_ms = self.site.workloads[work.at()].rungs[usize::from(rung)].needs_ms;
        let history = self.plan.lessons.of(&way);
        let (live, drill) = history.map(crate::learned::History::ranks).unwrap_or_default();
        let drift: Option<String> = history.and_then(|h| h.drift(declared_ms));
        let needs_ms = self.plan.times.needs(work, rung);
        WayView {
            workload: way.workload,
            rung: way.rung,
            hook: way.hook,
            destination: way.destination,
            declared_ms,
            needs_ms,
            live,
            drill,
            drift,
        }
    }
}
