//! Fires, each in a room and with a fault of its own, until the evacuation begins or the load is lost.

use std::collections::BTreeMap;

use muster_sim::building::{Course, Dead, Dice, Fault, FaultKind, Fire, FireKind, Probe, Room};

use crate::drawn;
use crate::fit::Fit;
use crate::play::{Play, Told};
use crate::reached::Reached;
use crate::share;

/// Sensors are heard for this long before the first sign. Seconds.
const BEFORE_S: f64 = 120.0;
/// What a slow fire does more than this before its runaway is looked at every 5 s.
const CLOSELY_S: f64 = 1_000.0;

/// One fire and what came of it.
pub(crate) struct Burnt {
    pub(crate) number: u64,
    pub(crate) kind: FireKind,
    pub(crate) dead: Option<Dead>,
    /// One thing was dead, and the fire takes a second one before that has spoken.
    pub(crate) two_gone: bool,
    /// It is missed as well with nothing dead.
    pub(crate) missed_anyway: bool,
    pub(crate) loss_s: f64,
    pub(crate) told: Told,
    /// Of the decision's state at its end.
    digest: u64,
}

impl Burnt {
    /// Nobody had begun to evacuate when the load was lost.
    pub(crate) fn is_missed(&self) -> bool {
        self.lead_s().is_none_or(|lead_s| lead_s < 0.0)
    }

    /// From the evacuation's beginning to the first loss. Seconds.
    pub(crate) fn lead_s(&self) -> Option<f64> {
        Some(self.loss_s - self.told.evacuate_s?)
    }
}

/// The course of a fire by its number: the kinds in turn, the rest drawn. One in six has nothing dead in its room; of the
/// others any one sensor, node, bus or the broker has been dead for long.
pub(crate) fn course(fit: &Fit, seed: u64, number: u64) -> (Course, FireKind, Option<Dead>) {
    let mut dice = Dice::new(seed, number);
    let kind = FireKind::ALL[(number % 7) as usize];
    let room = Room::draw(&mut dice);
    let fire = Fire::draw(kind, &mut dice);
    let dead = (!dice.share(1.0 / 6.0)).then(|| drawn::dead(fit, &mut dice));
    let faults = dead.map(|what| Fault {
        what,
        kind: FaultKind::Silent,
        from_s: f64::MIN,
        until_s: f64::MAX,
    });
    let course = Course {
        seed: dice.bits(),
        room,
        fire: Some(fire),
        fire_at_s: 0.0,
        disturbances: Vec::new(),
        faults: faults.into_iter().collect(),
    };
    (course, kind, dead)
}

/// Lets it burn; one that is missed burns once more with nothing dead.
pub(crate) fn burn(fit: &Fit, seed: u64, number: u64, keep_lines: bool) -> Burnt {
    let (mut course, kind, dead) = course(fit, seed, number);
    let mut burnt = burns(fit, (number, kind, dead), &course, keep_lines);
    if burnt.is_missed() && dead.is_some() {
        course.faults.clear();
        burnt.missed_anyway = burns(fit, (number, kind, None), &course, false).is_missed();
    }
    burnt
}

/// The same fire with nothing dead.
pub(crate) fn burn_well(fit: &Fit, seed: u64, number: u64) -> Burnt {
    let (mut course, kind, _) = course(fit, seed, number);
    course.faults.clear();
    burns(fit, (number, kind, None), &course, true)
}

fn burns(fit: &Fit, (number, kind, dead): (u64, FireKind, Option<Dead>), course: &Course, keep_lines: bool) -> Burnt {
    let (begins_s, loss_s) = course.fire.as_ref().map_or((0.0, 0.0), |f| (f.begins_s(), f.loss_s));
    let mut play = Play::new(fit, keep_lines);
    let mut t_s = begins_s.floor() - BEFORE_S;
    play.join(t_s);
    // A room that evacuates is of no more interest, unless somebody wants to read on.
    while t_s <= loss_s && (keep_lines || play.told.evacuate_s.is_none()) {
        play.sample(course, t_s);
        t_s += if t_s < -CLOSELY_S { 5.0 } else { 1.0 };
    }
    if play.told.evacuate_s.is_some() {
        play.settle();
    }
    // What is dead on the monitor's own bus, or a monitor that has voted all the same, is no second thing.
    let apart = |dead: Dead| !dead.strikes(Probe::CellAlarm) && !dead.strikes(Probe::Cell);
    let voted = play.told.votes.iter().any(|(_, group)| group == "bms");
    Burnt {
        number,
        kind,
        dead,
        two_gone: dead.is_some_and(apart) && !voted && course.fire.as_ref().is_some_and(Fire::silences_the_monitor),
        missed_anyway: false,
        loss_s,
        digest: play.state.digest(),
        told: play.told,
    }
}

/// Counts of one kind with one thing dead.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    pub(crate) fires: u64,
    pub(crate) missed: u64,
    pub(crate) leads_s: Vec<f64>,
}

/// One that was missed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Missed {
    pub(crate) number: u64,
    /// With nothing dead as well.
    pub(crate) anyway: bool,
    pub(crate) two_gone: bool,
}

/// What came of many.
#[derive(Debug, Default)]
pub(crate) struct Fires {
    pub(crate) all: Count,
    /// Of them: one thing was dead, and the fire burns the battery monitor's cables before that has spoken.
    pub(crate) two_gone: Count,
    pub(crate) by: BTreeMap<(&'static str, &'static str), Count>,
    /// Those that were missed: of those with two things gone the first few, of all others every one.
    pub(crate) missed: Vec<Missed>,
    pub(crate) broken: Vec<(u64, String)>,
    pub(crate) reached: Reached,
    pub(crate) digest: u64,
}

/// So many of those with two things gone are named.
const NAMED: usize = 10;

impl Fires {
    /// Fires and missed ones with one thing dead, of whatever kind.
    pub(crate) fn with_dead(&self, dead: &str) -> (u64, u64) {
        let of_it = self.by.iter().filter(|((_, d), _)| *d == dead);
        of_it.fold((0, 0), |(fires, missed), (_, count)| {
            (fires + count.fires, missed + count.missed)
        })
    }

    pub(crate) fn take(&mut self, burnt: Burnt) {
        let dead = burnt.dead.map_or("nothing", Dead::as_str);
        let here = self.by.entry((burnt.kind.as_str(), dead)).or_default();
        let two_gone = burnt.two_gone.then_some(&mut self.two_gone);
        for count in [&mut self.all, here].into_iter().chain(two_gone) {
            count.fires += 1;
            count.missed += u64::from(burnt.is_missed());
            count.leads_s.extend(burnt.lead_s());
        }
        let named = self.missed.iter().filter(|m| m.two_gone).count();
        if burnt.is_missed() && (!burnt.two_gone || named < NAMED) {
            self.missed.push(Missed {
                number: burnt.number,
                anyway: burnt.missed_anyway,
                two_gone: burnt.two_gone,
            });
        }
        self.reached.extend(burnt.told.reached);
        self.digest = share::fold(self.digest, burnt.digest);
        self.broken
            .extend(burnt.told.broken.into_iter().map(|what| (burnt.number, what)));
    }
}

impl Count {
    /// A percentile of the leads. Seconds; none if nothing was evacuated.
    pub(crate) fn lead_s(&self, percent: usize) -> Option<f64> {
        let mut sorted = self.leads_s.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() * percent / 100).or(sorted.last()).copied()
    }
}
