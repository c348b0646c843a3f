//! A recording through this version of the core: the same digests, or the first place where it decides otherwise.

use std::path::{Path, PathBuf};

use muster_core::{Effect, Input, Millis, State};

use super::Decision;
use crate::recorder::{self, Batch, Head, Moment, Piece, ReadError, Segment};

/// What came of a replay.
#[derive(Debug, Default)]
pub struct Recording {
    /// Every segment that was read, oldest first.
    pub segments: Vec<Seen>,
    /// What this version decides.
    pub decisions: Vec<Decision>,
    /// Where it decides otherwise: the first place of every segment in which it does.
    pub divergences: Vec<Divergence>,
    /// Inputs that were taken.
    pub inputs: u64,
    /// Digests that were compared.
    pub digests: u64,
}

/// A segment as it was read.
#[derive(Debug)]
pub struct Seen {
    /// Its file.
    pub path: PathBuf,
    /// Its head.
    pub head: Head,
    /// How it joins the one before.
    pub joins: Joins,
    /// Where it cannot be read on, and why.
    pub tear: Option<String>,
}

/// How a segment joins the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joins {
    /// It is the first.
    First,
    /// The process started.
    Started,
    /// It goes on where that one ended.
    GoesOn,
    /// Something between is missing: inputs lost by the recorder, or segments that are gone.
    Gap(String),
    /// This version cannot use the state it begins with: nothing of it was replayed before the next start.
    Unusable(String),
}

/// A place where this version decides otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Engine time.
    pub at: Millis,
    /// Wall clock, Unix milliseconds.
    pub wall_ms: i64,
    /// What was recorded.
    pub recorded: String,
    /// What this version does.
    pub now: String,
}

/// Replays segments in this order.
///
/// # Errors
/// The first file that is no segment at all. A torn or spoilt one is read as far as it goes.
pub fn replay(paths: &[PathBuf]) -> Result<Recording, ReadError> {
    let mut run = Run::default();
    for path in paths {
        run.segment(recorder::read(path)?);
    }
    Ok(run.recording)
}

/// The segments that these files and folders name, oldest first.
///
/// # Errors
/// A folder that cannot be read.
pub fn segments_of(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if path.is_dir() {
        recorder::segments_in(path)
    } else {
        Ok(vec![path.to_owned()])
    }
}

#[derive(Default)]
struct Run {
    recording: Recording,
    /// None until something can be replayed.
    state: Option<State>,
    /// What the last input led to, until what was recorded of it is known.
    open: Option<(Vec<Effect>, Millis, i64)>,
    /// Nothing more is compared in this segment.
    diverged: bool,
    /// The recording was made by the same core: words and digests have to be the same too.
    same_core: bool,
}

impl Run {
    fn segment(&mut self, mut segment: Segment) {
        self.same_core = segment.head.core == muster_core::VERSION;
        let joins = self.join(&segment);
        self.diverged = false;
        let mut tear = None;
        while let Some(piece) = segment.next_piece() {
            match piece {
                Piece::Batch(batch) => self.batch(&batch),
                Piece::Tear(t) => tear = Some(format!("byte {}: {}", t.at, t.why)),
            }
        }
        self.close(None);
        self.recording.segments.push(Seen {
            path: segment.path,
            head: segment.head,
            joins,
            tear,
        });
    }

    fn join(&mut self, segment: &Segment) -> Joins {
        let state = match &segment.state {
            Ok(state) => state.clone(),
            Err(why) => {
                self.state = None;
                return Joins::Unusable(why.clone());
            }
        };
        let started = state == State::new();
        let before = self.state.replace(state);
        let torn = self.recording.segments.last().is_some_and(|s| s.tear.is_some());
        match (before, segment.head.lost) {
            _ if started && self.recording.segments.is_empty() => Joins::First,
            _ if started => Joins::Started,
            (_, Some(lost)) => Joins::Gap(format!("{lost} inputs were not recorded")),
            (None, None) => Joins::First,
            (Some(before), None) if self.state.as_ref() == Some(&before) => Joins::GoesOn,
            (Some(_), None) if torn || self.diverged || !self.follows(segment) => {
                Joins::Gap("what lies between is not here".into())
            }
            (Some(before), None) => {
                let begins = self.state.as_ref().map_or(0, State::digest);
                let (at, wall_ms) = (segment.head.from, segment.head.wall_ms);
                self.diverge(
                    (at, wall_ms),
                    format!("state {begins:016x}"),
                    format!("state {:016x}", before.digest()),
                );
                Joins::GoesOn
            }
        }
    }

    /// Whether the segment's number is the next one.
    fn follows(&self, segment: &Segment) -> bool {
        let before = self
            .recording
            .segments
            .last()
            .and_then(|s| recorder::number_of(&s.path));
        before.is_some() && before.map(|n| n + 1) == recorder::number_of(&segment.path)
    }

    fn batch(&mut self, batch: &Batch) {
        let mut now = batch.at;
        for moment in &batch.moments {
            match moment {
                Moment::Reading(later, sample) => {
                    now = now.saturating_add(*later);
                    match sample.input() {
                        Some(input) => self.input((now, batch), &input),
                        None => self.close(None),
                    }
                }
                Moment::Input(later, input) => {
                    now = now.saturating_add(*later);
                    self.input((now, batch), input);
                }
                Moment::Effects(effects) => self.close(Some(effects)),
                Moment::Digest(recorded) => self.digest((now, batch), *recorded),
            }
        }
        self.close(None);
    }

    fn input(&mut self, (now, batch): (Millis, &Batch), input: &Input) {
        self.close(None);
        if self.state.is_none() && matches!(input, Input::Config(_)) {
            self.state = Some(State::new());
        }
        let Some(state) = self.state.as_mut() else { return };
        let mut effects = Vec::new();
        muster_core::step(state, now, input, &mut effects);
        self.recording.inputs += 1;
        let wall_ms = batch.wall_ms.saturating_add(now.saturating_sub(batch.at));
        self.recording.decisions.extend(effects.iter().map(|effect| Decision {
            at: now,
            wall_ms,
            effect: effect.clone(),
        }));
        self.open = Some((effects, now, wall_ms));
    }

    /// The last input led to these effects when it was recorded; to none, if nothing was recorded of it.
    fn close(&mut self, recorded: Option<&[Effect]>) {
        let Some((effects, at, wall_ms)) = self.open.take() else {
            return;
        };
        let compared = |effects: &[Effect]| {
            let all = effects.iter().filter(|e| self.same_core || decides(e));
            all.cloned().collect::<Vec<_>>()
        };
        let (recorded, now) = (compared(recorded.unwrap_or_default()), compared(&effects));
        if recorded == now || self.diverged {
            return;
        }
        // What is done says more than the words beside it.
        let done = |effects: &[Effect]| effects.iter().filter(|e| decides(e)).cloned().collect::<Vec<_>>();
        let [recorded, now] = match [done(&recorded), done(&now)] {
            [then, now] if then != now => [then, now],
            _ => [recorded, now],
        };
        let first = (0..).find(|i| recorded.get(*i) != now.get(*i)).unwrap_or_default();
        self.diverge((at, wall_ms), words(recorded.get(first)), words(now.get(first)));
    }

    fn digest(&mut self, (at, batch): (Millis, &Batch), recorded: u64) {
        self.close(None);
        let Some(state) = self.state.as_ref().filter(|_| self.same_core && !self.diverged) else {
            return;
        };
        self.recording.digests += 1;
        let now = state.digest();
        if now != recorded {
            let wall_ms = batch.wall_ms.saturating_add(at.saturating_sub(batch.at));
            self.diverge(
                (at, wall_ms),
                format!("state {recorded:016x}"),
                format!("state {now:016x}"),
            );
        }
    }

    fn diverge(&mut self, (at, wall_ms): (Millis, i64), recorded: String, now: String) {
        self.diverged = true;
        self.recording.divergences.push(Divergence {
            at,
            wall_ms,
            recorded,
            now,
        });
    }
}

/// Between versions of the core words may change; what is done may not without being told.
fn decides(effect: &Effect) -> bool {
    !matches!(effect, Effect::Event(_))
}

fn words(effect: Option<&Effect>) -> String {
    let Some(effect) = effect else { return "nothing".into() };
    let (at, wall_ms) = (0, 0);
    let effect = effect.clone();
    let (kind, subject, line) = Decision { at, wall_ms, effect }.told();
    format!("{kind} {subject}: {line}")
}
