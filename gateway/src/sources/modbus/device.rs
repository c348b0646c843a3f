//! One device: what is read of it, cycle by cycle, and whether it is believed.

use std::collections::BTreeSet;
use std::time::Duration;

use muster_core::{ChannelIx, Millis};
use muster_profiles::{Block, Expect, Signal};
use muster_wire::{Absence, Micro};
use tokio_modbus::ExceptionCode;

use super::ModbusSource;
use super::failure::Failure;
use super::link::{Answer, Link, To};
use super::plan::Plan;
use super::rtu::is_of_address;
use super::singly::{Compared, Singly, agree};
use super::sunspec::{self, Found};
use crate::clock::Stopwatch;
use crate::counters::{Cause, Counters};
use crate::sources::excuse::{Excuses, without};
use crate::sources::outlet::Sample;
use crate::sources::polls::{Note, Polling};

/// A device that has stopped answering is waited for at least so long.
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// What a signal says.
type Value = Result<Micro, Absence>;

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
    /// The last answers with trip signals in them, block by block, where these are compared.
    compared_with: Vec<Answer>,
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
    answers: Vec<Answer>,
    samples: Vec<Sample>,
    /// What takes meanings away, what it said, and whose.
    flags: Vec<(String, Option<bool>, Vec<ChannelIx>)>,
}

impl Cycle {
    pub(super) fn begin(trip: bool) -> Self {
        Self {
            trip,
            begun: Stopwatch::start(),
            opened: None,
            read: 0,
            answers: Vec::new(),
            samples: Vec::new(),
            flags: Vec::new(),
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
            compared_with: Vec::new(),
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
            self.singly.forget();
            self.compared_with.clear();
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
        let flags = poll.flags(&answer);
        cycle
            .flags
            .extend(flags.map(|(name, said, of)| (name.to_owned(), said, of.to_vec())));
        cycle.opened.get_or_insert(link.opened());
        cycle.read += 1;
        if cycle.trip && self.source.way.profile.check_singly {
            cycle.answers.push(answer);
        }
        if cycle.read < polls.len() {
            return Ok(None);
        }
        let absence = self.absence(link).await?;
        self.check_canary(link).await?;
        self.polling.heard(&cycle.begun);
        self.say(absence);
        if cycle.trip {
            self.compared_with = std::mem::take(&mut cycle.answers);
        }
        Ok(Some(self.believed(cycle, absence)))
    }

    /// The samples of a cycle that was sound to its end.
    fn believed(&mut self, cycle: &mut Cycle, absence: Option<Absence>) -> Vec<Sample> {
        let now = self.now();
        let mut excused = BTreeSet::new();
        for (name, said, channels) in cycle.flags.drain(..) {
            if self.excuses.counts(&name, said, now) {
                excused.extend(channels);
            }
        }
        let believed = |Sample { channel, value }: Sample| {
            let value = without(value, excused.contains(&channel));
            let of_mode = absence.filter(|_| !self.plan.about_mode.contains(&channel));
            let doubted = self.singly.is_doubted(channel).then_some(Absence::Config);
            Sample { channel, value }.unless(of_mode).unless(doubted)
        };
        std::mem::take(&mut cycle.samples).into_iter().map(believed).collect()
    }

    /// Why its signals have no value, on its line in the list of devices.
    fn say(&self, absence: Option<Absence>) {
        let idle = match absence {
            Some(Absence::Warmup) => Some(Note::Idle(WARMS_UP)),
            Some(Absence::Config) => Some(Note::Idle(INHIBITED)),
            _ => None,
        };
        self.polling
            .note(idle.or_else(|| self.singly.line().map(Note::Doubted)));
    }

    /// Own time since it began.
    fn now(&self) -> Millis {
        Millis::try_from(self.began.elapsed().as_millis()).unwrap_or(Millis::MAX)
    }

    /// One trip signal by itself, of those that still have to be compared; whether there was one. For when the last cycle's
    /// samples have been handed on: what comes of this is true of the next, and no failure here takes anything away.
    pub(super) async fn check_one(&mut self, link: &mut Link) -> bool {
        let Some((block, signal, channel, before)) = self.due_alone() else {
            return false;
        };
        let compared = match self.compare(link, block, &signal, before).await {
            Ok(compared) => compared,
            Err(failure) => {
                let line = format!("{} asked for by itself: {}", signal.name, failure.line());
                self.count(failure.cause(), &line);
                Compared::Silent
            }
        };
        let now = self.now();
        if let Some(line) = self
            .singly
            .take(channel, &signal.name, compared, now)
            .map(str::to_owned)
        {
            self.count(Cause::ModbusDisagrees, &line);
        }
        true
    }

    /// The next trip signal that shares its block with something else, and what it said there.
    fn due_alone(&self) -> Option<(Block, Signal, ChannelIx, Value)> {
        let now = self.now();
        let mut shared = self
            .plan
            .trip
            .iter()
            .zip(&self.compared_with)
            .flat_map(|(poll, answer)| {
                let all = poll
                    .shared()
                    .map(move |(signal, channel)| (poll.block, signal, *channel));
                all.filter_map(move |(block, signal, channel)| {
                    Some((block, signal, channel, said(block, signal, answer).ok()?))
                })
            });
        let (block, signal, channel, before) = shared.find(|(_, _, channel, _)| self.singly.is_due(*channel, now))?;
        Some((block, signal.clone(), channel, before))
    }

    /// A value may change between two questions: what differs is asked for once more, between two looks at its block.
    async fn compare(
        &mut self,
        link: &mut Link,
        block: Block,
        signal: &Signal,
        mut before: Value,
    ) -> Result<Compared, Failure> {
        let alone = Block {
            table: signal.table,
            start: signal.address,
            count: signal.words(),
        };
        for _ in 0..2 {
            let by_itself = match said(alone, signal, &self.read(link, alone).await?) {
                Ok(value) => value,
                Err(Some(code)) if is_of_address(code) => return Ok(Compared::Refused),
                Err(code) => return Ok(self.busy(alone, code)),
            };
            if agree(signal, by_itself, before) {
                return Ok(Compared::Same);
            }
            let after = match said(block, signal, &self.read(link, block).await?) {
                Ok(value) => value,
                Err(code) => return Ok(self.busy(block, code)),
            };
            if agree(signal, by_itself, after) {
                return Ok(Compared::Same);
            }
            before = after;
        }
        Ok(Compared::Other)
    }

    fn busy(&self, block: Block, code: Option<ExceptionCode>) -> Compared {
        if let Some(code) = code {
            self.count(Cause::ModbusException, &refusal(block, code));
        }
        Compared::Busy
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

/// What an answer says of a signal; the exception that stands there instead.
fn said(block: Block, signal: &Signal, answer: &Answer) -> Result<Value, Option<ExceptionCode>> {
    match answer {
        Answer::Words(words) => block.part(signal, words).map(|words| signal.decode(words)).ok_or(None),
        Answer::Refused(code) => Err(Some(*code)),
    }
}

fn refusal(block: Block, code: ExceptionCode) -> String {
    format!(
        "{:?} {} to {} refused: {code}",
        block.table,
        block.start,
        block.start + (block.count - 1)
    )
}
