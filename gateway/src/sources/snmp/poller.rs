//! The task of one agent: turns, cycles, failures.

use std::time::Duration;

use async_snmp::{Auth, CryptoError, Oid};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::SnmpSource;
use super::failure::Failure;
use super::hints::Hint;
use super::link::Link;
use super::login;
use super::plan::{Periods, Sample};
use crate::clock::{Clock, Stopwatch};
use crate::counters::{Cause, Counters};
use crate::lanes::{Batch, Lanes};
use crate::lines;
use crate::sources::polls::Polling;

/// First pause after a failure: a datagram that was lost is not lost twice.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause: an agent that comes back is heard within it.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// However rarely an agent is asked, its first answer is not long in coming.
const LONGEST_STAGGER: Duration = Duration::from_secs(2);

/// The engine is gone; there is nobody to poll for.
struct Closed;

/// Polls until the engine is gone. A trap is a turn of its own, for trip signals.
pub(super) async fn run(
    source: SnmpSource,
    (lanes, counters, clock): (Lanes, Counters, Clock),
    simulated: bool,
    hint: Hint,
    polling: Polling,
) {
    let periods = Periods::of(&source);
    polling.every(periods.period);
    sleep(stagger(source.source.at(), periods.period)).await;
    let mut ticks = interval(periods.period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let agent = Agent {
        source,
        counters,
        polling,
        hint,
        auth: None,
        link: None,
    };
    let mut poller = Poller::new(agent, lanes, clock, simulated);
    let mut turn = 0_u64;
    loop {
        let full = tokio::select! {
            _ = ticks.tick() => {
                turn += 1;
                (turn - 1).is_multiple_of(periods.rest_every)
            }
            () = poller.agent.hint.came() => poller.agent.has_no_trip(),
        };
        if poller.turn(full).await.is_err() {
            return;
        }
    }
}

/// Spreads the agents over a period, the same way at every start, so that hundreds of them do not ask in one instant.
fn stagger(index: usize, period: Duration) -> Duration {
    // Millionths of the golden section: neighbours fall far apart, and a thousand of them evenly.
    let share = (index as u64 % 1_000_000) * 618_034 % 1_000_000;
    period.min(LONGEST_STAGGER) * share as u32 / 1_000_000
}

/// One agent.
struct Poller {
    agent: Agent,
    trip: Beat,
    rest: Beat,
    lanes: Lanes,
    clock: Clock,
    simulated: bool,
    pause: Duration,
}

/// Signals that are read together and go to one lane.
struct Beat {
    lane: mpsc::Sender<Batch>,
    /// Its loss has been reported and it has not been heard since.
    lost: bool,
}

/// The agent's end: who it is, if that is known.
struct Agent {
    source: SnmpSource,
    counters: Counters,
    polling: Polling,
    hint: Hint,
    /// Our login in the library's words, once it is made.
    auth: Option<Auth>,
    link: Option<Link>,
}

impl Poller {
    fn new(agent: Agent, lanes: Lanes, clock: Clock, simulated: bool) -> Self {
        let beat = |lane: &mpsc::Sender<Batch>| Beat {
            lane: lane.clone(),
            lost: false,
        };
        Self {
            trip: beat(&lanes.alarm),
            rest: beat(&lanes.data),
            agent,
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
        let failed = match self.agent.cycle(true).await {
            Ok(samples) => {
                self.heard(true, samples).await?;
                if !full {
                    return Ok(());
                }
                match self.agent.cycle(false).await {
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

    /// Hands the samples of a sound cycle on. The lane may be full: then this agent waits, and the wait counts as age.
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
        let line = lines::with_causes(failure);
        self.agent.count(failure.cause(), &line);
        let known = if trip { self.trip.lost } else { self.rest.lost };
        self.trip.lost |= trip;
        self.rest.lost = true;
        if known {
            return Ok(());
        }
        let told = self.lanes.lost(self.agent.source.source, line).await;
        told.then_some(()).ok_or(Closed)
    }

    /// Pauses after a failure, longer each time until the agent is heard again, or speaks up by itself.
    async fn wait(&mut self) {
        tokio::select! {
            () = sleep(self.pause) => {}
            () = self.agent.hint.came() => {}
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

impl Agent {
    fn has_no_trip(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.trip.is_empty())
    }

    /// One cycle. An agent that has started anew is asked who it is, and then once more.
    async fn cycle(&mut self, trip: bool) -> Result<Vec<Sample>, Failure> {
        match self.read(trip).await {
            Err(failure @ Failure::Restarted) => {
                self.count(failure.cause(), &failure.to_string());
                self.read(trip).await
            }
            read => read,
        }
    }

    /// Identifies the agent where it is not known. A failure leaves none known.
    async fn read(&mut self, trip: bool) -> Result<Vec<Sample>, Failure> {
        let begun = Stopwatch::start();
        let mut link = match self.link.take() {
            Some(link) => link,
            None => {
                let auth = self.login().await?;
                Link::open(&self.source, &auth, &self.hint).await?
            }
        };
        let mut refused = Vec::new();
        let answers = link.read(trip, &mut refused).await;
        self.count_refused(&refused);
        let answers = answers?;
        let poll = if trip { &link.trip } else { &link.rest };
        let samples = poll.samples(&answers);
        if !samples.is_empty() {
            self.polling.heard(&begun);
        }
        self.link = Some(link);
        Ok(samples)
    }

    /// A user's keys take milliseconds of a core: not on a thread that polls.
    async fn login(&mut self) -> Result<Auth, Failure> {
        if let Some(auth) = &self.auth {
            return Ok(auth.clone());
        }
        let login = self.source.login.clone();
        let made = tokio::task::spawn_blocking(move || login::auth(&login)).await;
        // It does not panic; if it were to, there are no keys.
        let auth = made.unwrap_or(Err(CryptoError::CipherError)).map_err(Failure::Keys)?;
        Ok(self.auth.insert(auth).clone())
    }

    fn count_refused(&self, refused: &[Oid]) {
        for oid in refused {
            self.count(Cause::SnmpRefused, &format!("{oid} refused"));
        }
    }

    fn count(&self, cause: Cause, line: &str) {
        self.polling.failed(line);
        self.counters.count(cause, &self.source.id, &line);
    }
}
