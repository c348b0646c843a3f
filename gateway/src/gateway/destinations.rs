//! What targets say of destinations, handed to the decision: whether anybody is there, and what fits. Facts alone; what
//! follows from them the core decides, and silence is no fact.
//!
//! - *Nobody there* is told when every hook that goes there has said so twice, [`TWICE`] apart: what is under way is left at
//!   once by it, so one refused connection must not do. *Somebody* is told at once.
//! - *Room* is told in units of `[[workload]] room`: those of all that would fit if everything came by tier; nothing is told
//!   while something is on its way there, as it could be counted twice. What was told holds for [`HOLDS`] of silence, then
//!   the declared room counts alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use muster_core::{Elsewhere, Input, Mode, Site, View, WorkloadIx, WorkloadView};

use crate::clock::Stopwatch;
use crate::hooks::preflight::{Preflight, There};
use crate::lanes::{Control, Lanes};

/// Between two answers that nobody is there.
pub(super) const TWICE: Duration = Duration::from_secs(10);
/// Three times as long as targets are left alone.
const HOLDS: Duration = Duration::from_secs(900);
/// How a loss begins that was found here. Another's, such as a vote there, is not ours to take back.
const NOBODY: &str = "nobody answers there";

/// What was told, and what is about to be.
#[derive(Debug)]
pub(super) struct Destinations {
    /// [`TWICE`], but in tests.
    apart: Duration,
    /// Since when nobody has been said to be there.
    doubted: BTreeMap<String, Stopwatch>,
    told: BTreeMap<String, (Option<u32>, Stopwatch)>,
    /// Told under another config: the core may have forgotten it.
    stale: BTreeSet<String>,
}

/// What all hooks together say of one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    there: Option<There>,
    fits: Option<Fits>,
}

/// What would fit of everything that goes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fits {
    All,
    /// In units.
    Only(u32),
}

impl Default for Destinations {
    fn default() -> Self {
        Self {
            apart: TWICE,
            doubted: BTreeMap::new(),
            told: BTreeMap::new(),
            stale: BTreeSet::new(),
        }
    }
}

impl Destinations {
    /// Tells the core what has changed by these answers; `before` is the view at the time of the questions. Whether somebody
    /// has to be asked again soon.
    pub(super) async fn tell(
        &mut self,
        site: &Site,
        asked: &[Preflight],
        (before, lanes): (&View, &Lanes),
        now: &View,
    ) -> bool {
        let moved = away(now);
        let busy: BTreeSet<&str> = busy(before).chain(busy(now)).collect();
        for (id, found) in found(site, asked, &moved) {
            let lost = now
                .destinations
                .iter()
                .find(|d| d.id == id)
                .and_then(|d| d.lost.as_deref());
            let mut says: Vec<Elsewhere> = self.standing(&id, &found, lost).into_iter().collect();
            if !busy.contains(id.as_str()) {
                says.extend(self.room(&id, found.fits));
            }
            for says in says {
                let id = id.clone();
                // An engine that is gone wants to hear nothing.
                let _ = lanes
                    .control
                    .send(Control::Input(Input::Destination { id, says }))
                    .await;
            }
        }
        !self.doubted.is_empty()
    }

    /// Another config: destinations may have come and gone.
    pub(super) fn doubt_all(&mut self) {
        self.doubted.clear();
        self.stale.extend(self.told.keys().cloned());
    }

    fn standing(&mut self, id: &str, found: &Found, lost: Option<&str>) -> Option<Elsewhere> {
        let Some(There::Nobody { why }) = &found.there else {
            self.doubted.remove(id);
            let ours = lost.is_some_and(|why| why.starts_with(NOBODY));
            return (ours && found.there.is_some()).then_some(Elsewhere::Well);
        };
        if lost.is_some() {
            self.doubted.remove(id);
            return None;
        }
        let since = self.doubted.entry(id.to_owned()).or_insert_with(Stopwatch::start);
        if since.elapsed() < self.apart {
            return None;
        }
        self.doubted.remove(id);
        let why = format!("{NOBODY}: {why}");
        Some(Elsewhere::Lost { why })
    }

    fn room(&mut self, id: &str, fits: Option<Fits>) -> Option<Elsewhere> {
        let told = self.told.get(id);
        let units = match fits {
            Some(Fits::All) => None,
            Some(Fits::Only(units)) => Some(units),
            // Silence: what was told holds for a while, and then nobody knows.
            None if told.is_some_and(|(_, since)| since.elapsed() < HOLDS) => return None,
            None => None,
        };
        let known = told.and_then(|(units, _)| *units);
        let stale = self.stale.remove(id);
        if fits.is_some() {
            self.told.insert(id.to_owned(), (units, Stopwatch::start()));
        } else {
            self.told.remove(id);
        }
        (stale || known != units).then_some(Elsewhere::Room { units })
    }
}

/// Where something is on its way to, or from.
fn busy(view: &View) -> impl Iterator<Item = &str> {
    let moves = |work: &&WorkloadView| matches!(work.state.as_str(), "moving" | "verifying" | "returning");
    works(view).filter(moves).filter_map(|work| work.destination.as_deref())
}

/// What has arrived elsewhere: the core counts that itself.
fn away(view: &View) -> BTreeSet<&str> {
    let moved = works(view).filter(|work| work.state == "moved");
    moved.map(|work| work.id.as_str()).collect()
}

/// In a rehearsal nothing goes anywhere.
fn works(view: &View) -> impl Iterator<Item = &WorkloadView> {
    let live = view.incident.iter().filter(|incident| incident.mode == Mode::Live);
    live.flat_map(|incident| &incident.workloads)
}

/// Every destination that a rung names.
fn found(site: &Site, asked: &[Preflight], away: &BTreeSet<&str>) -> BTreeMap<String, Found> {
    // By destination, which workloads each hook takes there.
    let mut ways: BTreeMap<&str, BTreeMap<usize, BTreeSet<WorkloadIx>>> = BTreeMap::new();
    for (ix, workload) in (0u16..).map(WorkloadIx).zip(&site.workloads) {
        for rung in &workload.rungs {
            if let Some(to) = rung.to.as_deref() {
                let hooks = ways.entry(to).or_default();
                hooks.entry(rung.hook.at()).or_default().insert(ix);
            }
        }
    }
    let one = |(to, hooks): (&str, BTreeMap<usize, BTreeSet<WorkloadIx>>)| {
        let found = Found {
            there: there(to, hooks.keys(), asked),
            fits: fits(site, to, &hooks, (asked, away)),
        };
        (to.to_owned(), found)
    };
    ways.into_iter().map(one).collect()
}

/// Somebody, if anybody says so; nobody, if everybody does.
fn there<'a>(to: &str, hooks: impl Iterator<Item = &'a usize>, asked: &[Preflight]) -> Option<There> {
    let said: Vec<Option<&There>> = hooks.map(|hook| asked.get(*hook)?.there.get(to)).collect();
    if said.contains(&Some(&There::Somebody)) {
        return Some(There::Somebody);
    }
    let why = |there: &Option<&There>| match there {
        Some(There::Nobody { why }) => Some(why.clone()),
        _ => None,
    };
    let whys: Option<Vec<String>> = said.iter().map(why).collect();
    let why = whys?.join("; ");
    Some(There::Nobody { why })
}

/// What fits by one of its hooks at least. A hook that does not know stands in nobody's way: it may have machines of its own
/// there, and whoever runs the destination has the last word.
fn fits(
    site: &Site,
    to: &str,
    hooks: &BTreeMap<usize, BTreeSet<WorkloadIx>>,
    (asked, away): (&[Preflight], &BTreeSet<&str>),
) -> Option<Fits> {
    let id = |work: WorkloadIx| site.workloads[work.at()].id.as_str();
    let (mut known, mut coming, mut fit) = (false, BTreeSet::new(), BTreeSet::new());
    for (hook, works) in hooks {
        let mut works: Vec<WorkloadIx> = works.iter().copied().filter(|work| !away.contains(id(*work))).collect();
        works.sort_by_key(|work| site.workloads[work.at()].tier);
        coming.extend(works.iter().copied());
        let said = asked.get(*hook);
        let gone = said.is_some_and(|said| matches!(said.there.get(to), Some(There::Nobody { .. })));
        known |= gone || said.is_some_and(|said| said.stock.knows(to));
        let mut stock = said.map(|said| said.stock.clone()).unwrap_or_default();
        works.retain(|work| !gone && stock.take(to, id(*work)).is_ok());
        fit.extend(works);
    }
    let units = fit
        .iter()
        .map(|work| site.workloads[work.at()].room)
        .fold(0, u32::saturating_add);
    let fits = if fit == coming { Fits::All } else { Fits::Only(units) };
    known.then_some(fits)
}

#[cfg(test)]
mod tests;
