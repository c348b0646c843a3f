//! Where workloads go: how much room there is, what is taken of it, and whether anything may go there at all.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use super::{Book, Plan, Stage, Step};
use crate::{
    DestinationView, Effect, Elsewhere, EventKind, Millis, Phase, Record, Site, State, StepEnd, WorkloadIx, clip::clip,
};

/// One destination.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
struct Place {
    id: String,
    /// Room that the config declares for all that comes, in units.
    declared: Option<u32>,
    /// The same as it was last told from there.
    told: Option<u32>,
    /// It has a vote of its own, or is down: why.
    lost: Option<String>,
}

/// Every destination that a rung names or the config declares, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Places {
    all: Vec<Place>,
    /// By workload and rung.
    of: Vec<Vec<Option<u16>>>,
}

impl Places {
    pub(crate) fn of(site: &Site) -> Self {
        let named = site
            .workloads
            .iter()
            .flat_map(|w| w.rungs.iter().filter_map(|r| r.to.as_deref()));
        let mut ids: BTreeMap<&str, Option<u32>> = named.map(|id| (id, None)).collect();
        ids.extend(site.destinations.iter().map(|d| (d.id.as_str(), d.room)));
        let sorted: Vec<&str> = ids.keys().copied().collect();
        let place = |to: &Option<String>| {
            let at = sorted.binary_search(&to.as_deref()?).ok()?;
            u16::try_from(at).ok()
        };
        let ladder = |w: &crate::Workload| w.rungs.iter().map(|r| place(&r.to)).collect();
        let of = site.workloads.iter().map(ladder).collect();
        let new = |(id, declared): (&str, Option<u32>)| Place {
            id: id.into(),
            declared,
            told: None,
            lost: None,
        };
        Self {
            of,
            all: ids.into_iter().map(new).collect(),
        }
    }

    /// Where a rung goes to.
    pub(crate) fn at(&self, work: WorkloadIx, rung: u8) -> Option<u16> {
        self.of.get(work.at())?.get(usize::from(rung)).copied().flatten()
    }

    /// Why nothing may go to where a rung goes, if nothing may.
    pub(crate) fn lost(&self, work: WorkloadIx, rung: u8) -> Option<&str> {
        self.all[usize::from(self.at(work, rung)?)].lost.as_deref()
    }

    /// There are destinations, and every one of them has a vote or is down: at most N−1 sites evacuate.
    pub(crate) fn nowhere(&self) -> bool {
        !self.all.is_empty() && self.all.iter().all(|place| place.lost.is_some())
    }

    pub(crate) fn id(&self, place: u16) -> &str {
        &self.all[usize::from(place)].id
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.all.binary_search_by(|place| place.id.as_str().cmp(id)).ok()
    }

    /// What is known of destinations stays, whatever the file says of them.
    pub(super) fn take_over(&mut self, old: Self) {
        for was in old.all {
            if let Some(at) = self.find(&was.id) {
                let is = &mut self.all[at];
                (is.told, is.lost) = (was.told, was.lost);
            }
        }
    }

    /// Whether they are those of the site; what is known of them may be anything.
    pub(super) fn fit(&self, site: &Site) -> bool {
        let fresh = Self::of(site);
        let same = |(a, b): (&Place, &Place)| (&a.id, a.declared) == (&b.id, b.declared);
        self.of == fresh.of && self.all.len() == fresh.all.len() && self.all.iter().zip(&fresh.all).all(same)
    }

    /// Whether a state of core 4 has said nothing of them.
    pub(super) fn unknown(&self) -> bool {
        self.all.is_empty() && self.of.is_empty()
    }
}

impl Place {
    fn room(&self) -> Option<u32> {
        self.declared.into_iter().chain(self.told).min()
    }
}

/// Room that is left at every destination while a plan is made. None: nobody has said how much there is.
#[derive(Clone, Debug)]
pub(crate) struct Room(Vec<Option<u32>>);

impl Room {
    /// What is left beside everything that is on its way or there.
    pub(crate) fn left(site: &Site, plan: &Plan) -> Self {
        let taken = taken(site, plan);
        let left = plan.places.all.iter().zip(taken);
        Self(
            left.map(|(place, taken)| place.room().map(|room| room.saturating_sub(taken)))
                .collect(),
        )
    }

    /// Whether a workload would find room there.
    pub(crate) fn has(&self, place: Option<u16>, units: u32) -> bool {
        place.is_none_or(|place| self.0[usize::from(place)].is_none_or(|left| left >= units))
    }

    pub(crate) fn take(&mut self, place: Option<u16>, units: u32) {
        if let Some(left) = place.and_then(|place| self.0[usize::from(place)].as_mut()) {
            *left = left.saturating_sub(units);
        }
    }
}

/// Units at every destination of what is on its way or there. What cannot go there, takes nothing.
fn taken(site: &Site, plan: &Plan) -> Vec<u32> {
    let there = |stage| {
        matches!(
            stage,
            Stage::Moving | Stage::Verifying | Stage::Safe | Stage::Returning | Stage::Arriving
        )
    };
    units(site, plan, &plan.book, there)
}

fn units(site: &Site, plan: &Plan, book: &Book, counts: impl Fn(Stage) -> bool) -> Vec<u32> {
    let mut units = alloc::vec![0u32; plan.places.all.len()];
    for (work, state) in (0u16..).map(WorkloadIx).zip(&book.works) {
        if let Some(place) = plan.places.at(work, state.rung).filter(|_| counts(state.stage)) {
            let units = &mut units[usize::from(place)];
            *units = units.saturating_add(site.workloads[work.at()].room);
        }
    }
    units
}

impl State {
    /// What is heard of a destination. What nobody goes to, changes nothing.
    pub(crate) fn hear_from(&mut self, now: Millis, id: &str, says: &Elsewhere, out: &mut Vec<Effect>) -> bool {
        let Some(at) = self.plan.places.find(id) else {
            return false;
        };
        let known = self.plan.places.all[at].lost.is_some();
        let destination = String::from(id);
        match says {
            Elsewhere::Lost { why } if !known => {
                let why = clip(why);
                self.say(
                    EventKind::Workload,
                    id,
                    format!("nothing goes to {id} any more: {why}"),
                    out,
                );
                self.record(now, Record::DestinationLost { destination, why }, out);
                if self.plan.places.nowhere() {
                    let line = "every destination has a vote of its own or is down: nothing moves, and what runs is \
                                stopped only when its runway ends";
                    self.say(EventKind::Workload, &self.site.id, line.into(), out);
                }
            }
            Elsewhere::Well if known => {
                self.say(EventKind::Workload, id, format!("{id} may be gone to again"), out);
                self.record(now, Record::DestinationWell { destination }, out);
            }
            Elsewhere::Lost { .. } | Elsewhere::Well => return false,
            Elsewhere::Room { units } => return self.hear_room(at, *units),
        }
        true
    }

    /// What is told as free there is beside what has arrived from here already.
    fn hear_room(&mut self, at: usize, free: Option<u32>) -> bool {
        let arrived = units(&self.site, &self.plan, &self.plan.book, |stage| stage == Stage::Safe)[at];
        let arrived = if self.plan.book.mode == crate::Mode::Live {
            arrived
        } else {
            0
        };
        let told = free.map(|free| free.saturating_add(arrived));
        core::mem::replace(&mut self.plan.places.all[at].told, told) != told
    }

    /// What is under way to a destination that nothing may go to any more is left there at once: the next rung takes over, or
    /// it waits where there is none.
    pub(super) fn leave(&mut self, now: Millis, out: &mut Vec<Effect>) {
        for i in self.plan.book.live_in(Phase::Evacuate) {
            let step = self.plan.book.step(i);
            let Some(why) = self.plan.places.lost(step.work, step.rung) else {
                continue;
            };
            let note = format!("left: {why}");
            let below = self.plan.below(&self.site, &Room::left(&self.site, &self.plan), step);
            let end = below.map_or(StepEnd::Withdrawn, |_| StepEnd::Superseded);
            self.end(now, i, end, note, out);
        }
    }

    pub(crate) fn destinations(&self) -> Vec<DestinationView> {
        let all = self.plan.places.all.iter().zip(taken(&self.site, &self.plan));
        let view = |(place, taken): (&Place, u32)| DestinationView {
            id: place.id.clone(),
            room: place.room(),
            taken,
            lost: place.lost.clone(),
        };
        all.map(view).collect()
    }
}

impl Plan {
    /// The rung that a step gives way to: the last one, or where nothing may go to that, the lowest with room. None below the
    /// last one that may be gone to, and on the way home.
    pub(super) fn below(&self, site: &Site, room: &Room, step: &Step) -> Option<u8> {
        let rungs = step.rung + 1..site.workloads[step.work.at()].rungs.len() as u8;
        let units = site.workloads[step.work.at()].room;
        let may = |rung: &u8| {
            let has = super::is_last(site, step.work, *rung) || room.has(self.places.at(step.work, *rung), units);
            has && self.places.lost(step.work, *rung).is_none()
        };
        rungs.rev().find(may).filter(|_| !step.home)
    }

    /// Whether a destination has a vote or is down, as the journal has it.
    pub(crate) fn lose(&mut self, destination: &str, why: Option<&str>) {
        if let Some(at) = self.places.find(destination) {
            self.places.all[at].lost = why.map(Into::into);
        }
    }
}
