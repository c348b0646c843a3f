//! Numbers, stamps, journals, and calls the core. The only task that owns the state.
//!
//! It runs on a thread of its own, so that a flood on the network's threads cannot keep it from the processor.

mod carry;
mod overtaken;
mod reload;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use muster_core::{Answer, Effect, Event, Input, Millis, Part, SourceIx, State, Target, View, WorkloadIx, ZoneIx};
use tokio::sync::{oneshot, watch};

use crate::api::Gauges;
use crate::clock::{Clock, Stopwatch};
use crate::counters::Counters;
use crate::epoch::Epochs;
use crate::journal::{Batch as JournalBatch, Report, Writer};
use crate::lanes::{Batch, CHANNELS_A_PIECE, CHANNELS_SUMMED_UP, Control, LADDERS_A_PIECE, LaneEnds, Mark};
use crate::recorder::Tape;
use crate::runner::Runner;
use crate::service::Beat;
use crate::told::{Telling, Told};
use overtaken::Overtaken;

pub use reload::Reload;

/// The loop looks around at least this often even if nothing comes: the page and the watchdog live on it.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The view is published at most this often, however much happens.
const VIEW_EVERY: Duration = Duration::from_millis(100);

/// High-water marks reach the disk at least this often while packs come in.
const MARKS_EVERY: Duration = Duration::from_secs(1);

/// Batches taken in one go before the clock and the other lanes are looked at again.
const BURST: usize = 64;

/// Told of every event, with its wall-clock time in Unix milliseconds.
pub type Listener = Box<dyn Fn(i64, &Event) + Send>;

/// Told of every mark that is on disk; must not block.
pub type Acknowledge = Box<dyn Fn(&Mark) + Send>;

/// What the engine works with.
pub struct Parts {
    /// The only clock.
    pub clock: Clock,
    /// The receiving ends.
    pub ends: LaneEnds,
    /// Durable storage.
    pub writer: Writer,
    /// Records every input.
    pub tape: Tape,
    /// Carries out calls.
    pub runner: Runner,
    /// Counts.
    pub counters: Counters,
    /// Figures for `/metrics`.
    pub gauges: Arc<Gauges>,
    /// Told of every event.
    pub listener: Listener,
    /// Told of every mark that is on disk.
    pub acknowledge: Acknowledge,
    /// Everybody else who listens to events.
    pub telling: Telling,
    /// Id of the last event before this start.
    pub told: i64,
    /// Told of every turn of the loop.
    pub beat: Beat,
}

/// Owns the state.
pub struct Engine {
    state: State,
    parts: Parts,
    view: watch::Sender<Arc<View>>,
    out: Vec<Effect>,
    batch: JournalBatch,
    marks: BTreeMap<Arc<str>, Mark>,
    overtaken: Overtaken,
    marked: Stopwatch,
    shown: Stopwatch,
    changed: bool,
    answers: BTreeMap<u64, oneshot::Sender<Answer>>,
    nonce: u64,
    epochs: Epochs,
    told: i64,
    /// Said in this turn.
    untold: Vec<Arc<Told>>,
    stopping: bool,
}

impl Engine {
    /// An engine with its first inputs (config, journal, troubles found at the start) already taken.
    #[must_use]
    pub fn new(parts: Parts, first: &[Input]) -> (Self, watch::Receiver<Arc<View>>) {
        let state = State::new();
        let (view, seen) = watch::channel(Arc::new(state.view(parts.clock.now())));
        let mut engine = Self {
            state,
            told: parts.told,
            untold: Vec::new(),
            view,
            out: Vec::new(),
            batch: JournalBatch::default(),
            marks: BTreeMap::new(),
            overtaken: Overtaken::default(),
            marked: Stopwatch::start(),
            shown: Stopwatch::start(),
            changed: true,
            answers: BTreeMap::new(),
            nonce: 0,
            epochs: Epochs::starting_at(parts.ends.epoch.clone()),
            parts,
            stopping: false,
        };
        engine.parts.tape.begin(&engine.state);
        for input in first {
            engine.step(input);
        }
        engine.flush();
        engine.show();
        (engine, seen)
    }

    /// Runs until it is told to stop, or until nobody can reach it any more.
    pub async fn run(mut self) {
        while !self.stopping {
            let pause = self.pause();
            tokio::select! {
                biased;
                control = self.parts.ends.control.recv() => match control {
                    Some(control) => self.control(control),
                    None => break,
                },
                Some(batch) = self.parts.ends.alarm.recv() => self.alarms(batch),
                Some(batch) = self.parts.ends.data.recv() => self.data(batch),
                () = tokio::time::sleep(pause) => self.step(&Input::Tick),
            }
            self.drain();
            self.flush();
            if self.shown.elapsed() >= VIEW_EVERY && (self.changed || self.shown.elapsed() >= LOOK_EVERY) {
                self.show();
            }
            self.parts.beat.turn();
        }
        self.flush_marks();
        self.flush();
        self.show();
        self.parts.tape.stop();
        if !self.parts.writer.stop() {
            tracing::error!("the journal could not take everything before the stop");
        }
    }

    /// Whatever else has come meanwhile, answers and alarms first.
    fn drain(&mut self) {
        for _ in 0..BURST {
            if let Ok(control) = self.parts.ends.control.try_recv() {
                self.control(control);
            } else if let Ok(batch) = self.parts.ends.alarm.try_recv() {
                self.alarms(batch);
            } else if let Ok(batch) = self.parts.ends.data.try_recv() {
                self.data(batch);
            } else {
                break;
            }
        }
    }

    fn pause(&self) -> Duration {
        let due = muster_core::next_deadline(&self.state);
        let until = due.map_or(LOOK_EVERY, |at| self.parts.clock.real_until(at));
        let wanted = if self.changed { VIEW_EVERY } else { LOOK_EVERY };
        // A deadline that is due now is a millisecond away at the least: a loop without a pause would starve the thread.
        let least = Duration::from_millis(1);
        until.clamp(least, wanted.saturating_sub(self.shown.elapsed()).max(least))
    }

    fn step(&mut self, input: &Input) {
        self.step_at(self.now(), input);
    }

    fn step_at(&mut self, now: Millis, input: &Input) {
        muster_core::step(&mut self.state, now, input, &mut self.out);
        self.parts.tape.take(now, input, &self.out);
        if !self.out.is_empty() {
            self.changed = true;
            self.carry_out();
        }
    }

    fn alarms(&mut self, mut batch: Batch) {
        let ahead = self.parts.ends.data.len();
        batch.mark = self.overtaken.alarm(batch.mark, ahead);
        self.readings(batch);
    }

    fn data(&mut self, batch: Batch) {
        self.readings(batch);
        self.overtaken.taken();
        while let Some(mark) = self.overtaken.next() {
            self.mark(mark);
        }
    }

    fn readings(&mut self, batch: Batch) {
        self.parts.gauges.add_readings(&batch);
        // Before the readings: a vote and the mark of the pack that caused it are one transaction.
        if let Some(mark) = batch.mark {
            self.mark(mark);
        }
        // One look at the clock a pack: its readings came together.
        let now = self.now();
        for input in batch.inputs {
            if let Some(input) = self.translate(&batch.epoch, input) {
                self.step_at(now, &input);
            }
        }
    }

    /// Alarms overtake readings on their way here, so an older pack may come after a newer one.
    fn mark(&mut self, mark: Mark) {
        match self.marks.get_mut(&mark.node) {
            Some(highest) if (highest.boot, highest.seq) >= (mark.boot, mark.seq) => {}
            Some(highest) => *highest = mark,
            None => drop(self.marks.insert(mark.node.clone(), mark)),
        }
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::Input(input) => {
                self.changed = true;
                self.step(&input);
            }
            Control::Lost { source, why, epoch } => {
                self.changed = true;
                if let Some(lost) = self.translate(&epoch, Input::Lost { source, why }) {
                    self.step(&lost);
                }
            }
            Control::Order { by, verb, answer } => {
                let by = self.person(&by);
                self.nonce += 1;
                self.answers.insert(self.nonce, answer);
                self.step(&Input::Order {
                    by,
                    verb,
                    nonce: self.nonce,
                });
            }
            Control::Bypass { by, asked, answer } => {
                self.nonce += 1;
                self.answers.insert(self.nonce, answer);
                let input = self.bypass(&by, asked);
                self.step(&input);
            }
            Control::Drill {
                by,
                workloads,
                dry,
                answer,
            } => {
                self.changed = true;
                self.nonce += 1;
                self.answers.insert(self.nonce, answer);
                let works = workloads.iter().map(|id| self.workload(id)).collect();
                self.step(&Input::Drill {
                    by: by.map(|by| self.person(&by)),
                    works,
                    dry,
                    nonce: self.nonce,
                });
            }
            Control::Journal(report) => self.journal(report),
            // Whoever asked may have gone: then nobody misses the answer.
            Control::Channels { from, answer } => {
                drop(answer.send(self.state.channels_from(self.now(), from, CHANNELS_A_PIECE)));
            }
            Control::Ways { from, answer } => {
                drop(answer.send(self.state.ways_from(from, LADDERS_A_PIECE).collect()));
            }
            Control::Sources { from, answer } => {
                drop(answer.send(self.state.sources_from(self.now(), from, CHANNELS_SUMMED_UP)));
            }
            Control::Reload(reload) => self.reload(*reload),
            Control::Stop => self.stopping = true,
        }
    }

    /// As [`Self::bypass`] does with what nobody knows.
    fn workload(&self, id: &str) -> WorkloadIx {
        let at = self.state.site().workloads.iter().position(|w| w.id == id);
        WorkloadIx(at.and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX))
    }

    /// What nobody knows is handed on as such: the core refuses it, in writing.
    fn bypass(&self, by: &str, asked: crate::api::Bypass) -> Input {
        let site = self.state.site();
        let mut found = asked.parts.iter().filter_map(|part| site.target(*part, &asked.id));
        let nobody = if asked.parts.contains(&Part::Zone) {
            Target::Zone(ZoneIx(u16::MAX))
        } else {
            Target::Source(SourceIx(u16::MAX))
        };
        Input::Bypass {
            by: self.person(by),
            target: found.next().unwrap_or(nobody),
            until: asked.for_ms.map(|ms| self.now() + ms),
            reason: asked.reason,
            nonce: self.nonce,
        }
    }

    fn journal(&mut self, report: Report) {
        match report {
            Report::Stored { through, commit_us } => {
                self.parts.gauges.set_commit_us(commit_us);
                self.parts.gauges.set_stored(through);
                self.step(&Input::Stored { through });
            }
            Report::Marked(marks) => marks.iter().for_each(|mark| (self.parts.acknowledge)(mark)),
            Report::Failed { why } => self.step(&Input::Own {
                part: "journal".into(),
                trouble: Some(why),
            }),
            Report::Recovered => self.step(&Input::Own {
                part: "journal".into(),
                trouble: None,
            }),
        }
    }

    /// What one turn of the loop has decided goes to the disk first: a hook waits for that. Whoever else is woken would have
    /// the journal's thread wait for a processor.
    fn flush(&mut self) {
        self.submit();
        self.say();
        if let Some(behind) = self.parts.tape.hand_over(&self.state) {
            self.step(&behind);
            self.submit();
            self.say();
        }
    }

    /// One transaction for everything that one turn of the loop has decided.
    fn submit(&mut self) {
        let due = self.marked.elapsed() >= MARKS_EVERY;
        if due || !self.batch.entries.is_empty() {
            self.flush_marks();
        }
        if self.batch.entries.is_empty() && self.batch.marks.is_empty() && self.batch.events.is_empty() && !due {
            return;
        }
        let mut batch = std::mem::take(&mut self.batch);
        batch.engine_ms = self.parts.clock.now();
        batch.wall_ms = self.parts.clock.real_wall_ms();
        self.parts.writer.submit(batch);
    }

    fn flush_marks(&mut self) {
        self.batch.marks.extend(std::mem::take(&mut self.marks).into_values());
        self.marked = Stopwatch::start();
    }

    fn show(&mut self) {
        self.view.send_replace(Arc::new(self.state.view(self.now())));
        self.shown = Stopwatch::start();
        self.changed = false;
    }

    fn now(&self) -> Millis {
        self.parts.clock.now()
    }
}
