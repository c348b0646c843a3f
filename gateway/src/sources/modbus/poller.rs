//! The task of one device: turns, cycles, failures.

use std::time::Duration;

use muster_profiles::Expect;
use muster_wire::Absence;

use super::ModbusSource;
use super::failure::Failure;
use super::link::{Answer, Link};
use super::plan::Plan;
use super::sunspec::{self, Found};
use crate::clock::{Clock, Stopwatch};
use crate::counters::{Cause, Counters};
use crate::lanes::Lanes;
use crate::sources::outlet::{Cycled, Outlet, Sample, turn};
use crate::sources::polls::Polling;

/// Polls until the engine is gone.
pub(super) async fn run(
    source: ModbusSource,
    lanes: Lanes,
    counters: Counters,
    clock: Clock,
    simulated: bool,
    polling: Polling,
) {
    let plan = Plan::of(&source);
    let pace = plan.pace(&source);
    polling.every(pace.period);
    let mut turns = pace.begin(source.source.at()).await;
    let mut outlet = Outlet::new(source.source, lanes, clock, simulated);
    let mut device = Device::new(source, plan, counters, polling);
    loop {
        let next = turns.next().await;
        device.polling.missed(next.missed);
        if turn(&mut device, &mut outlet, next.full).await.is_err() {
            return;
        }
        if outlet.is_lost() {
            turns.pardon();
        }
    }
}

/// One look at all of a source, as polling would hear it.
pub(super) async fn once(source: ModbusSource) -> Result<Vec<Sample>, Failure> {
    let plan = Plan::of(&source);
    let mut device = Device::new(source, plan, Counters::default(), Polling::default());
    let mut samples = device.cycle(true).await?;
    samples.extend(device.cycle(false).await?);
    Ok(samples)
}

/// One device: what is read of it, and its connection, if there is one.
struct Device {
    source: ModbusSource,
    plan: Plan,
    counters: Counters,
    polling: Polling,
    link: Option<Link>,
    /// Where its SunSpec model stands, and its scale factors.
    found: Found,
    /// What a counter held that has to move, and since when.
    counter: Option<(Vec<u16>, Stopwatch)>,
}

impl Cycled for Device {
    type Failure = Failure;

    /// The blocks, then the canary.
    async fn cycle(&mut self, trip: bool) -> Result<Vec<Sample>, Failure> {
        let polls = if trip {
            self.plan.trip.clone()
        } else {
            self.plan.rest.clone()
        };
        let (begun, mut samples) = (Stopwatch::start(), Vec::new());
        for poll in polls.iter() {
            let answer = self.read(poll.block).await?;
            if let Answer::Refused(code) = answer {
                self.count(Cause::ModbusException, &refusal(poll.block, code));
            }
            samples.extend(poll.samples(&answer, &self.found.factors));
        }
        if polls.is_empty() {
            return Ok(samples);
        }
        let absence = self.absence().await?;
        self.check_canary().await?;
        self.polling.heard(&begun);
        Ok(samples.into_iter().map(|sample| sample.unless(absence)).collect())
    }

    fn failed(&self, failure: &Failure) -> String {
        let line = failure.line();
        self.count(failure.cause(), &line);
        line
    }
}

impl Device {
    fn new(source: ModbusSource, plan: Plan, counters: Counters, polling: Polling) -> Self {
        Self {
            source,
            plan,
            counters,
            polling,
            link: None,
            found: Found::default(),
            counter: None,
        }
    }

    /// Why nothing it says is a value now; none if it measures.
    async fn absence(&mut self) -> Result<Option<Absence>, Failure> {
        let Some(mode) = self.source.way.profile.mode.clone() else {
            return Ok(None);
        };
        Ok(match self.read(mode.block).await? {
            Answer::Words(words) => mode.absence(&words),
            Answer::Refused(code) => {
                self.count(Cause::ModbusException, &refusal(mode.block, code));
                Some(Absence::Bus)
            }
        })
    }

    /// One read; connects first where there is no connection. A failure leaves none behind.
    async fn read(&mut self, block: muster_profiles::Block) -> Result<Answer, Failure> {
        let link = match self.link.take() {
            Some(link) => link,
            None => self.connect().await?,
        };
        let start = block.start.checked_add(self.found.base).ok_or(Failure::Canary)?;
        let (link, answer) = link.read(muster_profiles::Block { start, ..block }).await?;
        self.link = Some(link);
        Ok(answer)
    }

    async fn connect(&mut self) -> Result<Link, Failure> {
        let source = &self.source;
        let within = Duration::from_millis(source.way.profile.head.timeout_ms);
        let link = Link::open(&source.address, source.way.unit, within).await?;
        let Some(model) = self.source.way.profile.sunspec_model else {
            return Ok(link);
        };
        let (link, found) = sunspec::find(link, model, &self.source.way.profile).await?;
        self.found = found;
        Ok(link)
    }

    /// The canary comes last, so that it speaks for every answer before it.
    async fn check_canary(&mut self) -> Result<(), Failure> {
        let Some(canary) = self.source.way.profile.canary else {
            return Ok(());
        };
        match self.read(canary.block).await? {
            Answer::Refused(code) => Err(Failure::CanaryRefused(code)),
            Answer::Words(words) if canary.holds(&words) => self.check_moves(canary.expect, words),
            Answer::Words(_) => {
                self.link = None;
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
        self.polling.failed(line);
        self.counters.count(cause, &self.source.id, &line);
    }
}

fn refusal(block: muster_profiles::Block, code: tokio_modbus::ExceptionCode) -> String {
    format!(
        "{:?} {} to {} refused: {code}",
        block.table,
        block.start,
        block.start + (block.count - 1)
    )
}
