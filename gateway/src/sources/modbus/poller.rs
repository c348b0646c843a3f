//! The task of one device: turns, cycles, failures.

use std::time::Duration;

use muster_profiles::Expect;
use muster_wire::Absence;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::ModbusSource;
use super::failure::Failure;
use super::link::{Answer, Link};
use super::plan::{Plan, Poll, Sample};
use super::sunspec::{self, Found};
use crate::clock::{Clock, Stopwatch};
use crate::counters::{Cause, Counters};
use crate::lanes::{Batch, Lanes};
use crate::sources::polls::Polling;

/// First pause after a failure: a dropped connection is usually back at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause: a device that comes back is heard within it.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// However rarely a device is asked, its first answer is not long in coming.
const LONGEST_STAGGER: Duration = Duration::from_secs(2);

/// The engine is gone; there is nobody to poll for.
struct Closed;

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
    polling.every(plan.period);
    sleep(stagger(source.source.at(), plan.period)).await;
    let mut ticks = interval(plan.period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let rest_every = plan.rest_every;
    let device = Device::new(source, counters, polling);
    let mut poller = Poller::new(device, plan, lanes, clock, simulated);
    for turn in 0_u64.. {
        ticks.tick().await;
        if poller.turn(turn % rest_every == 0).await.is_err() {
            return;
        }
    }
}

/// One look at all of a source, as polling would hear it.
pub(super) async fn once(source: ModbusSource) -> Result<Vec<Sample>, Failure> {
    let Plan { trip, rest, .. } = Plan::of(&source);
    let polls: Vec<Poll> = trip.into_iter().chain(rest).collect();
    Device::new(source, Counters::default(), Polling::default())
        .cycle(&polls)
        .await
}

/// Spreads the devices over a period, the same way at every start, so that a thousand of them do not ask in one instant.
fn stagger(index: usize, period: Duration) -> Duration {
    // Millionths of the golden section: neighbours fall far apart, and a thousand of them evenly.
    let share = (index as u64 % 1_000_000) * 618_034 % 1_000_000;
    period.min(LONGEST_STAGGER) * share as u32 / 1_000_000
}

/// One device.
struct Poller {
    device: Device,
    trip: Beat,
    rest: Beat,
    lanes: Lanes,
    clock: Clock,
    simulated: bool,
    pause: Duration,
}

/// Signals that are read together and go to one lane.
struct Beat {
    polls: Vec<Poll>,
    lane: mpsc::Sender<Batch>,
    /// Its loss has been reported and it has not been heard since.
    lost: bool,
}

/// The device's end: its connection, if there is one.
struct Device {
    source: ModbusSource,
    counters: Counters,
    polling: Polling,
    link: Option<Link>,
    /// Where its SunSpec model stands, and its scale factors.
    found: Found,
    /// What a counter held that has to move, and since when.
    counter: Option<(Vec<u16>, Stopwatch)>,
}

impl Poller {
    fn new(device: Device, plan: Plan, lanes: Lanes, clock: Clock, simulated: bool) -> Self {
        let beat = |polls, lane: &mpsc::Sender<Batch>| Beat {
            polls,
            lane: lane.clone(),
            lost: false,
        };
        Self {
            trip: beat(plan.trip, &lanes.alarm),
            rest: beat(plan.rest, &lanes.data),
            device,
            lanes,
            clock,
            simulated,
            pause: FIRST_PAUSE,
        }
    }

    /// Trip signals first and by themselves: what follows can neither delay nor discard them.
    async fn turn(&mut self, full: bool) -> Result<(), Closed> {
        if self.lanes.control.is_closed() {
            return Err(Closed);
        }
        let failed = match self.device.cycle(&self.trip.polls).await {
            Ok(samples) => {
                self.heard(true, samples).await?;
                if !full {
                    return Ok(());
                }
                match self.device.cycle(&self.rest.polls).await {
                    Ok(samples) => return self.heard(false, samples).await,
                    Err(failure) => self.failed(false, &failure).await,
                }
            }
            Err(failure) => self.failed(true, &failure).await,
        };
        failed?;
        self.wait().await;
        Ok(())
    }

    /// Hands the samples of a sound cycle on. The lane may be full: then this device waits, and the wait counts as age.
    async fn heard(&mut self, trip: bool, samples: Vec<Sample>) -> Result<(), Closed> {
        if samples.is_empty() {
            return Ok(());
        }
        let taken = self.clock.now();
        let beat = if trip { &mut self.trip } else { &mut self.rest };
        beat.lost = false;
        self.pause = FIRST_PAUSE;
        let slot = beat.lane.reserve().await.map_err(|_| Closed)?;
        let age_ms = u32::try_from(self.clock.now() - taken).unwrap_or(u32::MAX);
        let inputs = samples.into_iter().map(|s| s.input(self.simulated, age_ms)).collect();
        slot.send(self.lanes.batch(inputs, None));
        Ok(())
    }

    /// Counts a failure, and reports the loss once an episode. Trip signals that fail take the rest with them.
    async fn failed(&mut self, trip: bool, failure: &Failure) -> Result<(), Closed> {
        let line = failure.line();
        self.device.count(failure.cause(), &line);
        let known = if trip { self.trip.lost } else { self.rest.lost };
        self.trip.lost |= trip;
        self.rest.lost = true;
        if known {
            return Ok(());
        }
        let told = self.lanes.lost(self.device.source.source, line).await;
        told.then_some(()).ok_or(Closed)
    }

    /// Pauses after a failure, longer each time until the device is heard again.
    async fn wait(&mut self) {
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

impl Device {
    fn new(source: ModbusSource, counters: Counters, polling: Polling) -> Self {
        Self {
            source,
            counters,
            polling,
            link: None,
            found: Found::default(),
            counter: None,
        }
    }

    /// One cycle: the blocks, then the canary. Nothing comes out unless everything was sound.
    async fn cycle(&mut self, polls: &[Poll]) -> Result<Vec<Sample>, Failure> {
        let (begun, mut samples) = (Stopwatch::start(), Vec::new());
        for poll in polls {
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

    /// Why nothing it says is a value now; none if it measures.
    async fn absence(&mut self) -> Result<Option<Absence>, Failure> {
        let Some(mode) = self.source.profile.mode.clone() else {
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
        let within = Duration::from_millis(source.profile.head.timeout_ms);
        let link = Link::open(&source.address, source.unit, within).await?;
        let Some(model) = self.source.profile.sunspec_model else {
            return Ok(link);
        };
        let (link, found) = sunspec::find(link, model, &self.source.profile).await?;
        self.found = found;
        Ok(link)
    }

    /// The canary comes last, so that it speaks for every answer before it.
    async fn check_canary(&mut self) -> Result<(), Failure> {
        let Some(canary) = self.source.profile.canary else {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_spread_over_the_period() {
        let period = Duration::from_millis(100);
        let mut tenths = [0_u32; 10];
        for index in 0..1_000 {
            let at = stagger(index, period);
            assert!(at < period);
            tenths[(at.as_millis() / 10) as usize] += 1;
        }
        assert!(tenths.iter().all(|n| (80..=120).contains(n)), "{tenths:?}");
        assert!(stagger(65_535, Duration::from_secs(3_600)) < LONGEST_STAGGER);
    }
}
