//! From a level and a runway to steps: who goes when, by which rung, and what to do when a step does not go well.

mod ask;
mod book;
mod carry;
mod drive;
mod due;
mod flaw;
mod hear;
mod home;
mod lanes;
mod order;
mod places;
pub(crate) mod schedule;
mod scope;
mod search;
mod send;
mod times;

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use crate::{
    Away, FeedIx, HookIx, Millis, Mode, Phase, RungKind, Site, StepEnd, Workload, WorkloadIx,
    away::{Gone, Sent, Whereabouts},
    learned::Lessons,
};
pub(crate) use book::Book;
pub(crate) use carry::same_ladder;
pub(crate) use home::home_id;
pub(crate) use places::{Places, Room};
pub(crate) use scope::Scope;
pub(crate) use send::ASK_AGAIN_MS;
pub(crate) use times::Times;

/// Workloads and steps of the open incident (or of the last one, until the next opens).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    /// What is done in the present mode.
    pub(crate) book: Book,
    /// What was done in the other mode, before somebody armed or disarmed in the middle of the incident.
    pub(crate) other: Book,
    /// Intents since the incident opened: the low half of the fencing token.
    pub(crate) intents: u32,
    /// Order of work: tier, then the longest way still to go; dependencies first.
    pub(crate) queue: Vec<WorkloadIx>,
    by_id: BTreeMap<String, WorkloadIx>,
    /// The cordon has its second from here on: incident opened, armed, or an abort lifted.
    pub(crate) cordon_since: Millis,
    /// The runway's end as the last plan saw it.
    pub(crate) deadline: Option<Millis>,
    /// What the last plan was for.
    #[serde(default)]
    pub(crate) scope: Scope,
    /// The rack of every workload; empty at a site without feeds.
    #[serde(default)]
    racks: Vec<Option<FeedIx>>,
    /// How long rungs took, over all incidents and drills.
    #[serde(default)]
    pub(crate) lessons: Lessons,
    /// What follows from it for every rung.
    #[serde(default)]
    pub(crate) times: Times,
    /// Where they go to.
    #[serde(default)]
    pub(crate) places: Places,
    /// What has left and is not home again, over all incidents.
    #[serde(default)]
    pub(crate) away: Away,
    /// Steps have gone out that the journal may not have, and it has been marked; until it has caught up.
    pub(crate) unstored: bool,
    /// When something is due though nothing happens.
    pub(crate) wake: Option<Millis>,
}

/// How far a workload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
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
    /// Safe elsewhere or stopped, and on its way home.
    Returning,
    /// Brought home, and its probe has not said so yet.
    Arriving,
    /// At home again, as its probe says.
    Home,
}

/// One workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
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

impl Work {
    /// What has left needs no cordon.
    fn wants_cordon(&self) -> bool {
        !self.prepared && !matches!(self.stage, Stage::Safe | Stage::Verifying)
    }

    /// One that has left: saved from the first moment, if its probe had said so. What had left before this incident began is asked
    /// for at home and nowhere else, probe or not: no hook finds a mark of this incident on it where it went to.
    fn gone((site, gone, before): (&str, &Gone, bool), rung: u8, now: Millis) -> Self {
        let is_safe = gone.at == Whereabouts::Safe;
        let (n, by) = (gone.incident, gone.taken().map(Sent::words).unwrap_or_default());
        Self {
            stage: if is_safe || before {
                Stage::Safe
            } else {
                Stage::Verifying
            },
            rung,
            prepared: true,
            safe_at: is_safe.then_some(now),
            why: if before {
                format!("away since incident {site}-{n} (by {by}); asked whether it is home")
            } else {
                format!("away since incident {site}-{n} (by {by})")
            },
            ..Self::default()
        }
    }
}

/// What a step is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) enum Doing {
    /// Waits for the journal until then, at the longest.
    Intent { release_at: Millis },
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) work: WorkloadIx,
    pub(crate) rung: u8,
    pub(crate) phase: Phase,
    pub(crate) mode: Mode,
    pub(crate) token: u64,
    /// Of its intent in the journal.
    pub(crate) seq: u64,
    pub(crate) begun: Millis,
    pub(crate) doing: Doing,
    pub(crate) attempts: u32,
    pub(crate) percent: Option<u8>,
    /// A probe that asks at home: after its way back, or of what is believed away.
    #[serde(default)]
    pub(crate) home: bool,
    /// The hook has taken it on; the journal knows.
    pub(crate) accepted: bool,
    /// It waits without a lane, though nothing was wrong with it: others come first.
    #[serde(default)]
    pub(crate) aside: bool,
    /// Past its time; or a question that was called off before it was answered.
    pub(crate) stuck: bool,
    /// The last rung, and it cannot.
    pub(crate) stranded: bool,
    pub(crate) note: String,
}

impl Step {
    /// Of the way back, or whether it has been gone by hand.
    pub(crate) fn is_homeward(&self) -> bool {
        self.home || self.phase == Phase::Restore
    }

    /// An intent for which the journal has had its time.
    pub(crate) fn is_overdue_intent(&self, now: Millis) -> bool {
        matches!(self.doing, Doing::Intent { release_at } if release_at <= now)
    }

    pub(crate) fn ended(&self) -> Option<(StepEnd, Millis)> {
        match self.doing {
            Doing::Ended { end, at } => Some((end, at)),
            _ => None,
        }
    }
}

impl Plan {
    pub(crate) fn new(site: &Site) -> Self {
        let mode = if site.armed { Mode::Live } else { Mode::Drill };
        let by_id = site.workloads.iter().zip(0u16..);
        let mut plan = Self {
            queue: order::queue(site),
            times: Times::of(site, &Lessons::default()),
            places: Places::of(site),
            racks: Self::racks_of(site),
            by_id: by_id.map(|(w, i)| (w.id.clone(), WorkloadIx(i))).collect(),
            ..Self::default()
        };
        plan.start_over(site, 0, mode);
        plan
    }

    /// Forgets what was done in another incident, but for what has left in it: that stays where it is.
    pub(crate) fn start_over(&mut self, site: &Site, now: Millis, mode: Mode) {
        let other = if mode == Mode::Live { Mode::Drill } else { Mode::Live };
        (self.book, self.other) = (Book::new(site, mode), Book::new(site, other));
        (self.intents, self.wake, self.deadline) = (0, None, None);
        self.scope = Scope::default();
        self.remember(site, now);
    }

    /// Puts what is away into the books, where they do not know it.
    pub(crate) fn remember(&mut self, site: &Site, now: Millis) {
        for book in [&mut self.book, &mut self.other] {
            for (id, gone) in self.away.of(book.mode).iter().filter(|(_, gone)| gone.is_away()) {
                let Some(work) = self.by_id.get(id) else { continue };
                // With another ladder it begins anew.
                let rung = gone
                    .taken()
                    .and_then(|sent| sent.rung_in(site, &site.workloads[work.at()]));
                if let Some(rung) = rung.filter(|_| book.works[work.at()].stage == Stage::Waiting) {
                    let before = self.away.left_before(gone);
                    book.works[work.at()] = Work::gone((&site.id, gone, before), rung, now);
                }
            }
        }
    }

    /// What was done as a drill has not been done for real, and the other way round.
    pub(crate) fn change_mode(&mut self, mode: Mode) {
        if self.book.mode != mode {
            core::mem::swap(&mut self.book, &mut self.other);
        }
    }

    pub(crate) fn workload(&self, id: &str) -> Option<WorkloadIx> {
        self.by_id.get(id).copied()
    }

    /// The book that a mode's steps are kept in.
    pub(crate) fn book_of(&mut self, mode: Mode) -> &mut Book {
        if self.book.mode == mode {
            &mut self.book
        } else {
            &mut self.other
        }
    }

    /// The book in which a step of this id has not ended, and its place there.
    pub(crate) fn find_live(&mut self, id: &str) -> Option<(&mut Book, usize)> {
        let live = |book: &Book| book.find(id).filter(|i| book.step(*i).ended().is_none());
        if let Some(i) = live(&self.book) {
            return Some((&mut self.book, i));
        }
        live(&self.other).map(|i| (&mut self.other, i))
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

/// What a rung does, and who does it.
pub(crate) fn rung_of(site: &Site, work: WorkloadIx, rung: u8) -> (RungKind, HookIx) {
    let rung = &site.workloads[work.at()].rungs[rung as usize];
    (rung.kind, rung.hook)
}

/// Whether there is no rung below.
pub(crate) fn is_last(site: &Site, work: WorkloadIx, rung: u8) -> bool {
    usize::from(rung) + 1 >= site.workloads[work.at()].rungs.len()
}
