//! What can be played again from its beginning: a room of an incident file, or an unbroken stretch of a recording.

use std::ops::ControlFlow;
use std::path::PathBuf;

use muster_core::{Effect, Input, Millis, State, next_deadline};

use super::Twist;
use crate::incident::{Incident, Stage};
use crate::recorder::{self, Batch, Moment, Piece, ReadError, Segment};
use crate::replay::play::play_twisted;

/// One input, taken.
#[derive(Debug)]
pub struct Stepped<'a> {
    /// Engine time.
    pub at: Millis,
    /// What came.
    pub input: &'a Input,
    /// The state after it.
    pub state: &'a State,
    /// What it led to.
    pub effects: &'a [Effect],
}

/// Is handed every step; `Break` ends the run.
pub type Heed<'a> = dyn FnMut(&Stepped<'_>) -> ControlFlow<()> + 'a;

/// Something to be played.
#[derive(Clone, Copy, Debug)]
pub enum Tape<'a> {
    /// A room.
    Room(&'a Incident, &'a Stage),
    /// A stretch.
    Stretch(&'a Stretch),
}

/// Segments without a gap between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Its files, oldest first.
    pub paths: Vec<PathBuf>,
    /// Engine time of its beginning.
    pub from: Millis,
    /// Engine time of its last input.
    pub to: Millis,
    /// Wall clock (Unix milliseconds) at engine times, wherever it ran otherwise than before.
    pub marks: Vec<(Millis, i64)>,
    /// Why it ends where it ends, if nobody stopped it.
    pub tear: Option<String>,
}

impl Tape<'_> {
    /// Plays it up to a time.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    pub fn run(&self, twist: &Twist, until: Millis, heed: &mut Heed<'_>) -> Result<State, ReadError> {
        match self {
            Self::Room(incident, stage) => Ok(play_twisted(incident, stage, twist, until, &mut |s| heed(s))),
            Self::Stretch(stretch) => Reel::new(twist, until, heed).run(stretch),
        }
    }

    /// From when to when it goes. Engine time.
    #[must_use]
    pub fn span(&self) -> (Millis, Millis) {
        match self {
            Self::Room(incident, _) => (0, incident.end),
            Self::Stretch(stretch) => (stretch.from, stretch.to),
        }
    }

    /// Unix milliseconds then.
    #[must_use]
    pub fn wall_ms(&self, at: Millis) -> i64 {
        match self {
            Self::Room(incident, _) => incident.begin_wall_ms.saturating_add(at),
            Self::Stretch(stretch) => {
                let known = stretch.marks.partition_point(|(engine, _)| *engine <= at).max(1) - 1;
                let (engine, wall) = stretch.marks.get(known).copied().unwrap_or_default();
                wall.saturating_add(at.saturating_sub(engine))
            }
        }
    }

    /// The first engine time at which the wall clock showed this; none if it never did.
    #[must_use]
    pub fn engine(&self, wall_ms: i64) -> Option<Millis> {
        let (from, to) = self.span();
        let marks = match self {
            Self::Room(incident, _) => &[(0, incident.begin_wall_ms)][..],
            Self::Stretch(stretch) => &stretch.marks,
        };
        let ends = marks
            .iter()
            .skip(1)
            .map(|(engine, _)| *engine)
            .chain([to.saturating_add(1)]);
        let mut found = marks.iter().zip(ends).filter_map(|((engine, wall), end)| {
            let at = engine.saturating_add(wall_ms.saturating_sub(*wall));
            (*engine..end).contains(&at).then_some(at)
        });
        found.next().filter(|at| (from..=to).contains(at))
    }
}

/// The stretches of a recording, oldest first.
///
/// # Errors
/// The first file that is no segment at all.
pub fn stretches(paths: &[PathBuf]) -> Result<Vec<Stretch>, ReadError> {
    let mut all: Vec<Stretch> = Vec::new();
    let mut next = None;
    for path in paths {
        let segment = recorder::read(path)?;
        let Ok(state) = &segment.state else {
            next = None;
            continue;
        };
        let number = recorder::number_of(path);
        let goes_on = *state != State::new() && segment.head.lost.is_none() && next.is_some() && next == number;
        let whole = all.last().is_some_and(|stretch| stretch.tear.is_none());
        if !goes_on || !whole {
            all.push(Stretch {
                from: segment.head.from,
                to: segment.head.from,
                ..Stretch::default()
            });
        }
        if let Some(stretch) = all.last_mut() {
            stretch.look_through(segment);
        }
        next = number.map(|n| n + 1);
    }
    all.retain(|stretch| !stretch.marks.is_empty());
    Ok(all)
}

/// The wall clock is followed to this. Milliseconds.
const SLIP_MS: i64 = 20;

impl Stretch {
    fn look_through(&mut self, mut segment: Segment) {
        self.paths.push(segment.path.clone());
        while let Some(piece) = segment.next_piece() {
            match piece {
                Piece::Tear(tear) => self.tear = Some(format!("byte {}: {}", tear.at, tear.why)),
                Piece::Batch(batch) => {
                    let known = Tape::Stretch(self).wall_ms(batch.at);
                    if self.marks.is_empty() || known.abs_diff(batch.wall_ms) > SLIP_MS.unsigned_abs() {
                        self.marks.push((batch.at, batch.wall_ms));
                    }
                    let last = batch.moments.iter().fold(batch.at, |at, m| at.saturating_add(later(m)));
                    self.to = self.to.max(last);
                }
            }
        }
    }
}

fn later(moment: &Moment) -> Millis {
    match moment {
        Moment::Reading(later, _) | Moment::Input(later, _) => *later,
        Moment::Effects(_) | Moment::Digest(_) => 0,
    }
}

/// A stretch on its way through the core. With something changed, the core's own deadlines and its journal come at other
/// times than were recorded: they are given to it as they fall due. Hooks answer as they did.
struct Reel<'a, 'h> {
    twist: &'a Twist,
    until: Millis,
    heed: &'a mut Heed<'h>,
    state: Option<State>,
    given: Vec<(Millis, Input)>,
    stopped: bool,
}

impl<'a, 'h> Reel<'a, 'h> {
    fn new(twist: &'a Twist, until: Millis, heed: &'a mut Heed<'h>) -> Self {
        Self {
            twist,
            until,
            heed,
            state: None,
            given: Vec::new(),
            stopped: false,
        }
    }

    fn run(mut self, stretch: &Stretch) -> Result<State, ReadError> {
        for path in &stretch.paths {
            let mut segment = recorder::read(path)?;
            if self.state.is_none() {
                self.begin(&segment);
            }
            while let Some(Piece::Batch(batch)) = segment.next_piece() {
                self.batch(&batch);
                if self.stopped {
                    return Ok(self.state.unwrap_or_default());
                }
            }
        }
        let until = self.until.min(stretch.to);
        self.catch_up(until);
        Ok(self.state.unwrap_or_default())
    }

    /// A state in the middle is given the changed config; one at the start gets it as the recorded one comes.
    fn begin(&mut self, segment: &Segment) {
        let Ok(state) = &segment.state else { return };
        let site = std::sync::Arc::new(state.site().clone());
        self.state = Some(state.clone());
        if *state != State::new() && !self.twist.is_none() {
            self.given = self.twist.given(&site);
            self.step(segment.head.from, &Input::Config(self.twist.site(&site)));
        }
    }

    fn batch(&mut self, batch: &Batch) {
        let mut now = batch.at;
        for moment in &batch.moments {
            now = now.saturating_add(later(moment));
            if now > self.until {
                self.catch_up(self.until);
                self.stopped = true;
            }
            if self.stopped {
                return;
            }
            match moment {
                Moment::Reading(_, sample) => {
                    if let Some(input) = sample.input() {
                        self.take(now, &input);
                    }
                }
                Moment::Input(_, input) => self.take(now, input),
                Moment::Effects(_) | Moment::Digest(_) => {}
            }
        }
    }

    fn take(&mut self, now: Millis, input: &Input) {
        if self.twist.is_none() {
            return self.step(now, input);
        }
        self.catch_up(now);
        match input {
            Input::Stored { .. } => {}
            Input::Config(site) => {
                self.given = self.twist.given(site);
                self.given.retain(|(at, _)| *at >= now);
                self.step(now, &Input::Config(self.twist.site(site)));
            }
            other => self.step(now, other),
        }
    }

    /// What falls due up to a time, with something changed.
    fn catch_up(&mut self, now: Millis) {
        while !self.twist.is_none() && !self.stopped {
            let due = self.state.as_ref().and_then(next_deadline).filter(|at| *at <= now);
            let given = self.given.first().map(|(at, _)| *at).filter(|at| *at <= now);
            match (due, given) {
                (_, Some(at)) if due.is_none_or(|due| at <= due) => {
                    let (_, input) = self.given.remove(0);
                    self.step(at, &input);
                }
                (Some(at), _) => self.step(at, &Input::Tick),
                (None, _) => return,
            }
        }
    }

    fn step(&mut self, now: Millis, input: &Input) {
        let Some(state) = self.state.as_mut() else { return };
        let mut effects = Vec::new();
        muster_core::step(state, now, input, &mut effects);
        let stepped = Stepped {
            at: now,
            input,
            state,
            effects: &effects,
        };
        self.stopped |= (self.heed)(&stepped).is_break();
        let last = effects.iter().rev().find_map(|effect| match effect {
            Effect::Persist(entry) => Some(entry.seq),
            _ => None,
        });
        if let Some(through) = last.filter(|_| !self.twist.is_none()) {
            self.step(now, &Input::Stored { through });
        }
    }
}
