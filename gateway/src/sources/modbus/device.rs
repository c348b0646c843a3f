//! One device: what is read of it, cycle by cycle, and whether it is believed.

use std::collections::BTreeSet;
use std::time::Duration;

use muster_core::{ChannelIx, Millis};
use muster_profiles::{Block, Expect, Signal};
use muster_wire::Absence;

use super::ModbusSource;
use super::failure::Failure;
use super::link::{Answer, Link, To};
use super::plan::{Plan, Poll};
use super::singly::{Compared, Singly};
use super::sunspec::{self, Found};
use crate::clock::Stopwatch;
use crate::counters::{Cause, Counters};
use crate::sources::excuse::Excuses;
use crate::sources::outlet::Sample;
use crate::sources::polls::Polling;

/// A device that has stopped answering is waited for at least so long.
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// On its line while it warms up.
const WARMS_UP: &str = "it says that it warms up: it casts no vote until it measures";
/// On its line while it is inhibited, in the widest sense.
const INHIBITED: &str = "it says that it is isolated, inhibited, calibrated or under test: it casts no vote until somebody \
                         switches it back at the device";

/// One device on a port.
pub(super) struct Device {
    source: ModbusSource,
    plan: Plan,
    counters: Counters,
    pub(super) polling: Polling,
    /// The slowest sound answer; none if there was none.
    slowest: Option<Duration>,
    /// It has not answered the last time, and others wait.
    hurried: bool,
    /// Where its SunSpec model stands, and its scale factors; and the opening of the port under which that was found.
    found: Option<(u64, Found)>,
    /// Since when signals are excused, and what is compared by single reads.
    excuses: Excuses,
    singly: Singly,
    began: Stopwatch,
    /// What a counter held that has to move, and since when.
    counter: Option<(Vec<u16>, Stopwatch)>,
}

/// A cycle that has been begun.
pub(super) struct Cycle {
    /// Of the signals that trip something, or of all others.
    trip: bool,
    begun: Stopwatch,
    /// Under which opening of the port its first block was read: a canary speaks for one connection only.
    opened: Option<u64>,
    /// Blocks that have been read.
    read: usize,
    samples: Vec<Sample>,
    /// Channels whose meaning something that was read takes away.
    excused: BTreeSet<ChannelIx>,
}

impl Cycle {
    pub(super) fn begin(trip: bool) -> Self {
        Self {
            trip,
            begun: Stopwatch::start(),
            opened: None,
            read: 0,
            samples: Vec::new(),
            excused: BTreeSet::new(),
        }
    }
}

impl Device {
    pub(super) fn new(source: ModbusSource, plan: Plan, counters: Counters, polling: Polling) -> Self {
        Self {
            slowest: None,
            hurried: false,
            source,
            plan,
            counters,
            polling,
            found: None,
            excuses: Excuses::default(),
            singly: Singly::default(),
            began: Stopwatch::start(),
            counter: None,
        }
    }

    /// The blocks, then the canary.
    pub(super) async fn cycle(&mut self, link: &mut Link, trip: bool) -> Result<Vec<Sample>, Failure> {
        let mut cycle = Cycle::begin(trip);
        loop {
            if let Some(samples) = self.step(link, &mut cycle).await? {
                return Ok(samples);
            }
        }
    }

    /// The next block of a cycle; behind the last one the canary, and the samples. After a failure the cycle is over.
    pub(super) async fn step(&mut self, link: &mut Link, cycle: &mut Cycle) -> Result<Option<Vec<Sample>>, Failure> {
        let stepped = self.try_step(link, cycle).await;
        if stepped.is_err() {
            // It may be another device when it is heard again.
            self.found = None;
        }
        stepped
    }

    async fn try_step(&mut self, link: &mut Link, cycle: &mut Cycle) -> Result<Option<Vec<Sample>>, Failure> {
        if cycle.opened.is_some_and(|opened| opened != link.opened()) {
            *cycle = Cycle::begin(cycle.trip);
        }
        let polls = if cycle.trip { &self.plan.trip } else { &self.plan.rest }.clone();
        let Some(poll) = polls.get(cycle.read) else {
            return Ok(Some(std::mem::take(&mut cycle.samples)));
        };
        let answer = self.read(link, poll.block).await?;
        if let Answer::Refused(code) = answer {
            self.count(Cause::ModbusException, &refusal(poll.block, code));
        }
        let none = Found::default();
        let factors = &self.found.as_ref().map_or(&none, |(_, found)| found).factors;
        cycle.samples.extend(poll.samples(&answer, factors));
        cycle.excused.extend(poll.excused(&answer));
        cycle.opened.get_or_insert(link.opened());
        cycle.read += 1;
        if cycle.trip && self.source.way.profile.check_singly && self.singly.is_due(link.opened(), poll.block) {
            self.compare(link, poll, answer).await?;
        }
        if cycle.read < polls.len() {
            return Ok(None);
        }
        let absence = self.absence(link).await?;
        self.check_canary(link).await?;
        self.polling.heard(&cycle.begun);
        self.say(absence);
        Ok(Some(self.believed(cycle, absence)))
    }

    /// The samples of a cycle that was sound to its end.
    fn believed(&mut self, cycle: &mut Cycle, absence: Option<Absence>) -> Vec<Sample> {
        let now = Millis::try_from(self.began.elapsed().as_millis()).unwrap_or(Millis::MAX);
        let believed = |Sample { channel, value }: Sample| {
            let value = self
                .excuses
                .without(channel, value, cycle.excused.contains(&channel), now);
            let of_mode = absence.filter(|_| !self.plan.about_mode.contains(&channel));
            let doubted = self.singly.is_doubted(channel).then_some(Absence::Config);
            Sample { channel, value }.unless(of_mode).unless(doubted)
        };
        std::mem::take(&mut cycle.samples).into_iter().map(believed).collect()
    }

    /// Why its signals have no value, on its line in the list of devices.
    fn say(&self, absence: Option<Absence>) {
        let mode = match absence {
            Some(Absence::Warmup) => Some(WARMS_UP.to_owned()),
            Some(Absence::Config) => Some(INHIBITED.to_owned()),
            _ => None,
        };
        self.polling.note(mode.or_else(|| self.singly.line()));
    }

    /// Trip signals of a block by themselves, once a connection.
    async fn compare(&mut self, link: &mut Link, poll: &Poll, answer: Answer) -> Result<(), Failure> {
        let mut doubts = Vec::new();
        for (signal, channel) in poll.shared() {
            let compared = self.compare_one(link, poll.block, signal, &answer).await?;
            if let Some(line) = compared.line(&signal.name) {
                self.count(Cause::ModbusDisagrees, &line);
                doubts.push((*channel, line));
            }
        }
        self.singly.done(poll.block, doubts);
        Ok(())
    }

    /// A value may change between two questions: what differs is asked for once more.
    async fn compare_one(
        &mut self,
        link: &mut Link,
        block: Block,
        signal: &Signal,
        answer: &Answer,
    ) -> Result<Compared, Failure> {
        let alone = Block {
            table: signal.table,
            start: signal.address,
            count: signal.words(),
        };
        let value = |block: Block, answer: &Answer| match answer {
            Answer::Words(words) => block.part(signal, words).map(|words| signal.decode(words)),
            Answer::Refused(_) => None,
        };
        let Some(mut before) = value(block, answer) else {
            return Ok(Compared::Same);
        };
        for _ in 0..2 {
            let Some(by_itself) = value(alone, &self.read(link, alone).await?) else {
                return Ok(Compared::Refused);
            };
            let Some(after) = value(block, &self.read(link, block).await?) else {
                return Ok(Compared::Same);
            };
            if by_itself == before || by_itself == after {
                return Ok(Compared::Same);
            }
            before = after;
        }
        Ok(Compared::Other)
    }

    /// Counts a failure; one line of it.
    pub(super) fn failed(&self, failure: &Failure) -> String {
        let line = failure.line();
        self.polling.note(None);
        self.count(failure.cause(), &line);
        line
    }

    /// Why nothing it says is a value now; none if it measures.
    async fn absence(&mut self, link: &mut Link) -> Result<Option<Absence>, Failure> {
        let Some(mode) = self.source.way.profile.mode.clone() else {
            return Ok(None);
        };
        Ok(match self.read(link, mode.block).await? {
            Answer::Words(words) => mode.absence(&words),
            Answer::Refused(code) => {
                self.count(Cause::ModbusException, &refusal(mode.block, code));
                Some(Absence::Bus)
            }
        })
    }

    /// Whether it is waited for no longer than it usually needs.
    pub(super) fn hurry(&mut self, hurried: bool) {
        self.hurried = hurried;
    }

    /// Four times the slowest answer of a device that does not answer now; of any other the profile's time-out.
    fn to(&self) -> To {
        let longest = Duration::from_millis(self.source.way.profile.head.timeout_ms);
        let usual = self.slowest.filter(|_| self.hurried);
        let within = usual.map_or(longest, |slowest| (slowest * 4).clamp(LEAST_WAIT.min(longest), longest));
        To {
            unit: self.source.way.unit,
            within,
        }
    }

    /// One read, of a SunSpec model wherever it stands.
    async fn read(&mut self, link: &mut Link, block: Block) -> Result<Answer, Failure> {
        let base = self.base(link).await?;
        let start = block.start.checked_add(base).ok_or(Failure::Canary)?;
        let (asked, opened) = (Stopwatch::start(), link.is_open());
        let answer = link.read(self.to(), Block { start, ..block }).await;
        self.tell_discarded(link);
        let answer = answer?;
        // A connection that had to be made first says nothing about the device.
        if opened {
            self.slowest = self.slowest.max(Some(asked.elapsed()));
        }
        Ok(answer)
    }

    /// Late and doubled answers, and noise: harmless, and to be known.
    fn tell_discarded(&self, link: &mut Link) {
        let bytes = link.take_discarded();
        if bytes > 0 {
            let line =
                format!("{bytes} bytes on the line that nobody was waiting for: a late or doubled answer, or noise");
            self.count(Cause::ModbusNoise, &line);
        }
    }

    /// What its addresses are counted from.
    async fn base(&mut self, link: &mut Link) -> Result<u16, Failure> {
        let Some(model) = self.source.way.profile.sunspec_model else {
            return Ok(0);
        };
        if let Some((opened, found)) = &self.found
            && *opened == link.opened()
        {
            return Ok(found.base);
        }
        let found = sunspec::find(link, self.to(), model, &self.source.way.profile).await?;
        let base = found.base;
        self.found = Some((link.opened(), found));
        Ok(base)
    }

    /// The canary comes last, so that it speaks for every answer before it.
    async fn check_canary(&mut self, link: &mut Link) -> Result<(), Failure> {
        let Some(canary) = self.source.way.profile.canary else {
            return Ok(());
        };
        match self.read(link, canary.block).await? {
            Answer::Refused(code) => Err(Failure::CanaryRefused(code)),
            Answer::Words(words) if canary.holds(&words) => self.check_moves(canary.expect, words),
            Answer::Words(_) => {
                link.distrust();
                Err(Failure::Canary)
            }
        }
    }

    fn check_moves(&mut self, expect: Expect, words: Vec<u16>) -> Result<(), Failure> {
        let Expect::Moving { within_ms } = expect else {
            return Ok(());
        };
        match &self.counter {
            Some((before, since)) if *before == words => {
                let within = Duration::from_millis(within_ms);
                (since.elapsed() < within)
                    .then_some(())
                    .ok_or(Failure::Still { within })
            }
            _ => {
                self.counter = Some((words, Stopwatch::start()));
                Ok(())
            }
        }
    }

    fn count(&self, cause: Cause, line: &str) {
        self.polling.failed(cause, line);
        self.counters.count(cause, &self.source.id, &line);
    }
}

fn refusal(block: Block, code: tokio_modbus::ExceptionCode) -> String {
    format!(
        "{:?} {} to {} refused: {code}",
        block.table,
        block.start,
        block.start + (block.count - 1)
    )
}
