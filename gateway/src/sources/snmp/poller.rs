//! The task of one agent: turns, cycles, failures.

use std::time::Duration;

use async_snmp::{Auth, Oid};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::SnmpSource;
use super::failure::Failure;
use super::hints::Hint;
use super::link::Link;
use super::look::auth;
use super::plan::pace;
use crate::clock::{Clock, Stopwatch};
use crate::counters::{Cause, Counters};
use crate::lanes::Lanes;
use crate::lines;
use crate::sources::excuse::Excuses;
use crate::sources::outlet::{Cycled, Outlet, Sample, turn};
use crate::sources::polls::Polling;

/// Users whose keys are made at a time: hundreds of agents at once would take a thread each, and every processor.
static MAKING: Semaphore = Semaphore::const_new(2);

/// Polls until the engine is gone. A trap is a turn of its own, for trip signals.
pub(super) async fn run(
    source: SnmpSource,
    (lanes, counters, clock): (Lanes, Counters, Clock),
    simulated: bool,
    hint: Hint,
    polling: Polling,
) {
    let pace = pace(&source);
    polling.every(pace.period);
    let mut turns = pace.begin(source.source.at()).await;
    let mut outlet = Outlet::new(source.source, lanes, clock.clone(), simulated);
    let mut agent = Agent {
        source,
        counters,
        polling,
        hint,
        auth: None,
        link: None,
        excuses: Excuses::default(),
        clock,
    };
    loop {
        let full = tokio::select! {
            next = turns.next() => {
                agent.polling.missed(next.missed);
                next.full
            }
            () = agent.hint.came() => agent.has_no_trip(),
        };
        if turn(&mut agent, &mut outlet, full).await.is_err() {
            return;
        }
        if outlet.is_lost() {
            turns.pardon();
        }
    }
}

/// One agent: who it is, if that is known.
struct Agent {
    source: SnmpSource,
    counters: Counters,
    polling: Polling,
    hint: Hint,
    /// Our login in the library's words, once it is made.
    auth: Option<Auth>,
    link: Option<Link>,
    /// They outlast a link: an agent that starts anew does not begin another hour.
    excuses: Excuses,
    clock: Clock,
}

impl Cycled for Agent {
    type Failure = Failure;

    /// An agent that has started anew is asked who it is, and then once more.
    async fn cycle(&mut self, trip: bool) -> Result<Vec<Sample>, Failure> {
        match self.read(trip).await {
            Err(failure @ Failure::Restarted) => {
                self.count(failure.cause(), &failure.to_string());
                self.read(trip).await
            }
            read => read,
        }
    }

    fn failed(&self, failure: &Failure) -> String {
        let line = lines::with_causes(failure);
        self.count(failure.cause(), &line);
        line
    }

    /// Until the agent speaks up by itself, at the longest.
    async fn rest(&mut self, pause: Duration) {
        tokio::select! {
            () = sleep(pause) => {}
            () = self.hint.came() => {}
        }
    }
}

impl Agent {
    fn has_no_trip(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.trip.is_empty())
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
        for failure in answers.unread.values().flatten() {
            self.count(failure.cause(), &lines::with_causes(failure));
        }
        let poll = if trip { &link.trip } else { &link.rest };
        let samples = poll.samples(&answers, &mut self.excuses, self.clock.now());
        if !samples.is_empty() {
            self.polling.heard(&begun);
        }
        self.link = Some(link);
        Ok(samples)
    }

    /// Made once.
    async fn login(&mut self) -> Result<Auth, Failure> {
        if let Some(auth) = &self.auth {
            return Ok(auth.clone());
        }
        // Nobody closes it; a key more at a time would be no harm.
        let _place = MAKING.acquire().await;
        let auth = auth(&self.source.way.login).await?;
        Ok(self.auth.insert(auth).clone())
    }

    fn count_refused(&self, refused: &[Oid]) {
        for oid in refused {
            self.count(Cause::SnmpRefused, &format!("{oid} refused"));
        }
    }

    fn count(&self, cause: Cause, line: &str) {
        self.polling.failed(cause, line);
        self.counters.count(cause, &self.source.id, &line);
    }
}
