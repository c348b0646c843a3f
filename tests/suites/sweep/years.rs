//! Years without a fire: faults, people and weather as they come, and whether any of it moves the workloads.
//!
//! Time in which nothing is latched, in trouble or under way is left out: the decision is the same after it, which
//! `--check-one-in` shows by playing windows from the same state with the quiet day before them in full.

use std::collections::BTreeMap;

use muster_core::EventKind;
use muster_sim::building::{Dice, Room};

use crate::drawn::{self, YEAR_S};
use crate::event::{Because, Event};
use crate::fit::Fit;
use crate::play::{Play, Told};
use crate::reached::Reached;
use crate::share;
use crate::shrink;
use crate::window::{BEFORE_S, LONGEST_S, Place, Until, Window};

const DAY_S: f64 = 86_400.0;

/// Evacuations of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wrong {
    /// On two votes.
    pub(crate) at_once: u64,
    /// At the end of an abort window, as nobody had aborted.
    pub(crate) unanswered: u64,
    /// Of those: all the same where a person looks, and aborts what is no fire.
    pub(crate) attended: u64,
}

/// One that went wrong, or came out otherwise, and the least of its year that still does.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) number: u64,
    pub(crate) what: String,
    pub(crate) at_s: f64,
    pub(crate) why: String,
    /// Of the year's events; at first those of its window.
    pub(crate) only: Vec<usize>,
    /// Not seen by playing the year as it was.
    pub(crate) how: Option<How>,
}

/// How else a window is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// A person looks when an abort window opens.
    Attended,
    /// Against the same with a whole quiet day before it.
    Checked,
}

impl How {
    /// The option of `year` that shows it.
    pub(crate) const fn as_option(self) -> &'static str {
        match self {
            Self::Attended => " --attended",
            Self::Checked => " --check",
        }
    }
}

/// What came of years.
#[derive(Debug, Default)]
pub(crate) struct Years {
    pub(crate) years: u64,
    pub(crate) windows: u64,
    /// Windows in which a vote was cast.
    pub(crate) votes: u64,
    /// Seconds that were really played.
    pub(crate) played_s: f64,
    pub(crate) wrong: BTreeMap<Because, Wrong>,
    /// Every one that must never be, and the first few of the others.
    pub(crate) named: Vec<Named>,
    pub(crate) broken: u64,
    /// Windows that were played in full as well, and those that came out otherwise.
    pub(crate) checked: u64,
    pub(crate) differ: u64,
    pub(crate) reached: Reached,
    /// Of the decision's state after every window.
    pub(crate) digest: u64,
}

const NAMED: usize = 10;
/// What is said of an evacuation past a person who looks.
const PAST: &str = " past a person";
const DIFFERS: &str = "differs";

impl Years {
    pub(crate) fn join(&mut self, other: Self) {
        self.years += other.years;
        self.windows += other.windows;
        self.votes += other.votes;
        self.played_s += other.played_s;
        self.checked += other.checked;
        self.differ += other.differ;
        self.broken += other.broken;
        self.reached.extend(other.reached);
        self.digest = share::fold(self.digest, other.digest);
        for (because, more) in other.wrong {
            let wrong = self.wrong.entry(because).or_default();
            wrong.at_once += more.at_once;
            wrong.unanswered += more.unanswered;
            wrong.attended += more.attended;
        }
        let (grave, others): (Vec<_>, Vec<_>) = other.named.into_iter().partition(Named::is_grave);
        let named = self.named.iter().filter(|n| !n.is_grave()).count();
        self.named.extend(grave);
        self.named.extend(others.into_iter().take(NAMED.saturating_sub(named)));
    }

    fn name(&mut self, number: u64, what: &str, (at_s, why): (f64, String), events: std::ops::Range<usize>) {
        self.named.push(Named {
            number,
            what: what.to_owned(),
            at_s,
            why,
            only: events.collect(),
            how: None,
        });
    }

    /// What was named last is seen so.
    fn mark(&mut self, how: How) {
        if let Some(named) = self.named.last_mut() {
            named.how = Some(how);
        }
    }

    pub(crate) fn wrong(&self, because: Because) -> Wrong {
        self.wrong.get(&because).copied().unwrap_or_default()
    }
}

impl Named {
    /// What must never be.
    fn is_grave(&self) -> bool {
        let what = self.what.trim_end_matches(PAST);
        let never = |b: &Because| b.must_never_be() && b.as_str() == what;
        Because::WRONG.iter().any(never) || ["broken", DIFFERS].contains(&what)
    }

    /// Makes its window smaller; all of it stays if it takes more than its window.
    fn shrink(&mut self, fit: &Fit, seed: u64) {
        let fails = |only: &[usize]| {
            let came = played(fit, (seed, self.number), 0, Some(only), &mut |_, _, _| {});
            came.named.iter().any(|named| named.what == self.what)
        };
        self.only = if fails(&self.only) {
            shrink::smallest(&self.only, fails)
        } else {
            Vec::new()
        };
    }
}

struct Drawn {
    room: Room,
    noise: u64,
    events: Vec<Event>,
    dice: Dice,
}

fn drawn(fit: &Fit, seed: u64, number: u64, only: Option<&[usize]>) -> Drawn {
    let mut dice = Dice::new(seed, number);
    let room = Room::draw(&mut dice);
    let noise = dice.bits();
    let mut events = drawn::draw(fit, &mut dice, YEAR_S, 1.0);
    let mut at = 0..;
    events.retain(|_| at.next().is_some_and(|at| only.is_none_or(|only| only.contains(&at))));
    Drawn {
        room,
        noise,
        events,
        dice,
    }
}

/// One year of one room, by its number. One in `check_one_in` windows is played a second time, with a quiet day before it in
/// full.
pub(crate) fn year(fit: &Fit, seed: u64, number: u64, check_one_in: u64) -> Years {
    let mut came = played(fit, (seed, number), check_one_in, None, &mut |_, _, _| {});
    // One that differs is so after all that came before it.
    let shrinks = |named: &&mut Named| named.is_grave() && named.how != Some(How::Checked);
    for named in came.named.iter_mut().filter(shrinks).take(2) {
        named.shrink(fit, seed);
    }
    came
}

/// Sees every window: as it was, and as it is beside a person who looks.
type See<'a> = &'a mut dyn FnMut(&[Event], &Window, (&Play<'_>, Place<'_>, &Told));

fn played(fit: &Fit, (seed, number): (u64, u64), check_one_in: u64, only: Option<&[usize]>, see: See<'_>) -> Years {
    let mut drawn = drawn(fit, seed, number, only);
    let place = Place {
        room: &drawn.room,
        noise: drawn.noise,
    };
    let mut year = Year {
        number,
        place,
        tells: only.is_some(),
        came: Years {
            years: 1,
            ..Years::default()
        },
    };
    let mut play = Play::new(fit, year.tells);
    let mut at = 0;
    while at < drawn.events.len() {
        let events = &drawn.events[at..];
        if check_one_in > 0 && drawn.dice.bits().is_multiple_of(check_one_in) {
            year.check(&play, events, at);
        }
        let before = play.clone();
        let window = Window::play(&mut play, events, place, BEFORE_S, Until::Decided);
        let told = std::mem::take(&mut play.told);
        see(&events[..window.took], &window, (&before, place, &told));
        year.note(events, at, (&window, &told));
        if told.unanswered {
            year.attend(before, (events, window.because), at..at + window.took);
        }
        year.came.digest = share::fold(year.came.digest, play.state.digest());
        // What was moved wrongly is brought back by people; the room begins anew.
        if told.evacuate_s.is_some() || !window.rested {
            play = Play::new(fit, year.tells);
        }
        year.came.reached.extend(told.reached);
        at += window.took;
    }
    year.came
}

/// A year that is played.
struct Year<'a> {
    number: u64,
    place: Place<'a>,
    /// Every line is kept.
    tells: bool,
    came: Years,
}

impl Year<'_> {
    fn check(&mut self, play: &Play<'_>, events: &[Event], at: usize) {
        self.came.checked += 1;
        if let Some(line) = differs(play, events, self.place) {
            self.came.differ += 1;
            self.came.name(self.number, DIFFERS, (events[0].at_s(), line), at..at);
            self.came.mark(How::Checked);
        }
    }

    fn note(&mut self, events: &[Event], at: usize, (window, told): (&Window, &Told)) {
        let (number, came) = (self.number, &mut self.came);
        let (at_s, of_it) = (events[0].at_s(), at..at + window.took);
        came.windows += 1;
        came.played_s += window.lasted_s;
        came.votes += u64::from(told.voted);
        let restless = (!window.rested).then(|| format!("no rest within {LONGEST_S} s"));
        if let Some(what) = told.broken.first().cloned().or(restless) {
            came.broken += 1;
            came.name(number, "broken", (at_s, what), of_it.clone());
        }
        let Some(evacuate_s) = told.evacuate_s else {
            return;
        };
        let wrong = came.wrong.entry(window.because).or_default();
        let because = window.because.as_str();
        let what = if told.unanswered {
            wrong.unanswered += 1;
            format!("{because} unanswered")
        } else {
            wrong.at_once += 1;
            because.to_owned()
        };
        came.name(number, &what, (evacuate_s, told.why.clone()), of_it);
    }

    /// The same window, where a person looks when it opens.
    fn attend(&mut self, play: Play<'_>, (events, because): (&[Event], Because), of_it: std::ops::Range<usize>) {
        let told = attended(play, events, self.place);
        if let Some(at_s) = told.evacuate_s {
            self.came.wrong.entry(because).or_default().attended += 1;
            let what = format!("{}{PAST}", because.as_str());
            self.came.name(self.number, &what, (at_s, told.why), of_it.clone());
            self.came.mark(How::Attended);
        }
        if let Some(what) = told.broken.into_iter().next() {
            self.came.broken += 1;
            let what = (events[0].at_s(), what);
            self.came.name(self.number, &format!("broken{PAST}"), what, of_it);
            self.came.mark(How::Attended);
        }
        self.came.reached.extend(told.reached);
    }
}

/// A window beside a person who looks when it opens.
fn attended(mut play: Play<'_>, events: &[Event], place: Place<'_>) -> Told {
    play.attended = true;
    Window::play(&mut play, events, place, BEFORE_S, Until::Decided);
    play.told
}

/// Prints one year's decisions, or those of its windows around a second, for whoever wants to know why.
pub(crate) fn tell(
    fit: &Fit,
    (seed, number): (u64, u64),
    (around_s, how): (Option<f64>, Option<How>),
    only: Option<&[usize]>,
) {
    let count = drawn(fit, seed, number, None).events.len();
    let all: Vec<usize> = (0..count).collect();
    played(fit, (seed, number), 0, Some(only.unwrap_or(&all)), &mut |events,
                                                                     window,
                                                                     (
        before,
        place,
        told,
    )| {
        let (begins_s, ends_s) = (events[0].at_s() - BEFORE_S, events[0].at_s() + window.lasted_s);
        if around_s.is_none_or(|around_s| (begins_s..=ends_s).contains(&around_s)) {
            events.iter().for_each(|event| println!("# {event:?}"));
            print(events, how, (before, place, told));
        }
    });
}

fn print(events: &[Event], how: Option<How>, (before, place, told): (&Play<'_>, Place<'_>, &Told)) {
    let beside = (how == Some(How::Attended)).then(|| attended(before.clone(), events, place));
    let told = beside.as_ref().unwrap_or(told);
    for (t_s, _, line) in &told.lines {
        println!("{t_s:>12.1} s  {line}");
    }
    told.broken.iter().for_each(|what| println!("BROKEN: {what}"));
    if how == Some(How::Checked) {
        let line = differs(before, events, place);
        println!(
            "{}",
            line.map_or_else(
                || "the same after a whole day".to_owned(),
                |line| format!("DIFFERS: {line}")
            )
        );
    }
}

/// The first line that comes out otherwise after a whole quiet day than after what is usual here, from the same state.
fn differs(play: &Play<'_>, events: &[Event], place: Place<'_>) -> Option<String> {
    let [whole, usual] = [DAY_S, BEFORE_S].map(|before_s| {
        let mut play = play.telling();
        Window::play(&mut play, events, place, before_s, Until::Decided);
        play.told.lines
    });
    let line =
        |line: Option<&(f64, EventKind, String)>| line.map_or_else(String::new, |l| format!("{:.1} s {}", l.0, l.2));
    let mut at = 0..whole.len().max(usual.len());
    let at = at.find(|at| whole.get(*at) != usual.get(*at))?;
    Some(format!(
        "after a whole day {:?}, else {:?}",
        line(whole.get(at)),
        line(usual.get(at))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(what: &str, how: Option<How>) -> Years {
        let mut years = Years::default();
        years.name(0, what, (0.0, String::new()), 0..1);
        how.into_iter().for_each(|how| years.mark(how));
        years
    }

    #[test]
    fn what_must_never_be_is_named_however_much_else_was_named_before() {
        let grave = [
            one("two-faults", None),
            one("two-faults past a person", Some(How::Attended)),
            one("broken past a person", Some(How::Attended)),
            one("differs", Some(How::Checked)),
        ];
        let mut all = Years::default();
        for _ in 0..2 * NAMED {
            all.join(one("beyond unanswered", None));
        }
        let count = grave.len();
        grave.into_iter().for_each(|years| all.join(years));
        assert_eq!(all.named.len(), NAMED + count);
        let ways: Vec<&str> = all.named[NAMED..]
            .iter()
            .map(|n| n.how.map_or("", How::as_option))
            .collect();
        assert_eq!(ways, ["", " --attended", " --attended", " --check"]);
    }
}
