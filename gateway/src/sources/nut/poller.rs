//! The task of one UPS: turns, answers, failures.

use std::time::Duration;

use tokio::time::sleep;

use super::NutSource;
use super::answer::Variables;
use super::failure::Failure;
use super::link::{Door, Link};
use super::sheet::{Point, Sheet};
use crate::clock::{Clock, Stopwatch};
use crate::counters::{Cause, Counters};
use crate::lanes::Lanes;
use crate::lines;
use crate::sources::outlet::{Closed, Outlet};
use crate::sources::pace::Pace;
use crate::sources::polls::Polling;

/// Polls until the engine is gone.
pub(super) async fn run(
    source: NutSource,
    lanes: Lanes,
    counters: Counters,
    clock: Clock,
    simulated: bool,
    polling: Polling,
) {
    let sheet = Sheet::of(&source);
    let pace = Pace::of(
        source.poll_ms,
        source.way.profile.head.min_poll_ms,
        !sheet.trip.is_empty(),
    );
    polling.every(pace.period);
    let mut turns = pace.begin(source.source.at()).await;
    let outlet = Outlet::new(source.source, lanes, clock, simulated);
    let upsd = Upsd {
        source,
        counters,
        polling,
        link: None,
    };
    let mut poller = Poller { upsd, sheet, outlet };
    loop {
        let next = turns.next().await;
        poller.upsd.polling.missed(next.missed);
        if poller.turn(next.full).await.is_err() {
            return;
        }
        if poller.outlet.is_lost() {
            turns.pardon();
        }
    }
}

/// One UPS.
struct Poller {
    upsd: Upsd,
    sheet: Sheet,
    outlet: Outlet,
}

/// upsd's end: the connection, if there is one.
struct Upsd {
    source: NutSource,
    counters: Counters,
    polling: Polling,
    link: Option<Link>,
}

impl Poller {
    /// One answer for all signals: they were true together.
    async fn turn(&mut self, full: bool) -> Result<(), Closed> {
        self.outlet.check_open()?;
        match self.upsd.variables().await {
            Ok(variables) => self.heard(&variables, full).await,
            Err(failure) => self.failed(&failure).await,
        }
    }

    async fn heard(&mut self, variables: &Variables, full: bool) -> Result<(), Closed> {
        self.outlet.found();
        let missing = self.sheet.missing(variables);
        if full && !missing.is_empty() {
            let line = format!(
                "upsd has no variable for {}; take these out of the source's `signals`",
                missing.join(", ")
            );
            self.upsd.count(Cause::NutVariable, &line);
        }
        let taken = self.outlet.now();
        let samples = |points: &mut [Point]| points.iter_mut().map(|p| p.sample(variables, taken)).collect();
        // Trip signals first: a full lane of data holds back nothing that is known to be urgent.
        self.outlet.heard(true, samples(&mut self.sheet.trip), taken).await?;
        if full {
            self.outlet.heard(false, samples(&mut self.sheet.rest), taken).await?;
        }
        Ok(())
    }

    /// Counts a failure, and reports the loss once an episode. A connection that is sound is asked again next turn; a
    /// broken one after a pause, longer each time.
    async fn failed(&mut self, failure: &Failure) -> Result<(), Closed> {
        let line = lines::with_causes(failure);
        self.upsd.count(failure.cause(), &line);
        self.outlet.lost(true, line).await?;
        if self.upsd.link.is_none() {
            sleep(self.outlet.pause()).await;
        }
        Ok(())
    }
}

impl Upsd {
    /// Every variable of the UPS; connects first where there is no connection, or where upsd has ended it meanwhile. A
    /// failure leaves none behind, a refusal does.
    async fn variables(&mut self) -> Result<Variables, Failure> {
        let begun = Stopwatch::start();
        let link = self.link().await?;
        let (link, answer) = link.variables(&self.source.way.ups).await?;
        self.link = Some(link);
        let variables = answer.map_err(Failure::Refused)?;
        if is_waiting(&variables) {
            return Err(Failure::Waiting);
        }
        self.polling.heard(&begun);
        Ok(variables)
    }

    async fn link(&mut self) -> Result<Link, Failure> {
        if let Some(mut link) = self.link.take()
            && link.is_open().await?
        {
            return Ok(link);
        }
        let door = Door {
            address: &self.source.address,
            ca: self.source.way.ca.as_deref(),
            within: Duration::from_millis(self.source.way.profile.head.timeout_ms),
        };
        Link::open(door).await
    }

    fn count(&self, cause: Cause, line: &str) {
        self.polling.failed(cause, line);
        self.counters.count(cause, &self.source.id, &line);
    }
}

/// `WAIT` stands there until the driver has read the UPS once; what else is said until then is nothing to go by.
fn is_waiting(variables: &Variables) -> bool {
    let status = variables.get("ups.status").map_or("", String::as_str);
    status.split_whitespace().any(|word| word == "WAIT")
}
