//! The task of a device that has its port for itself: turns, cycles, failures.

use super::ModbusSource;
use super::device::Device;
use super::failure::Failure;
use super::link::Link;
use super::plan::Plan;
use crate::clock::Clock;
use crate::counters::Counters;
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
    let mut alone = Alone::new(source, plan, counters, polling);
    loop {
        let next = turns.next().await;
        alone.device.polling.missed(next.missed);
        if turn(&mut alone, &mut outlet, next.full).await.is_err() {
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
    let mut alone = Alone::new(source, plan, Counters::default(), Polling::default());
    let mut samples = alone.cycle(true).await?;
    if alone.device.check_one(&mut alone.link).await {
        while alone.device.check_one(&mut alone.link).await {}
        samples = alone.cycle(true).await?;
    }
    samples.extend(alone.cycle(false).await?);
    Ok(samples)
}

/// A device and its port.
struct Alone {
    device: Device,
    link: Link,
}

impl Alone {
    fn new(source: ModbusSource, plan: Plan, counters: Counters, polling: Polling) -> Self {
        Self {
            link: Link::new(source.way.port.clone()),
            device: Device::new(source, plan, counters, polling),
        }
    }
}

impl Cycled for Alone {
    type Failure = Failure;

    async fn cycle(&mut self, trip: bool) -> Result<Vec<Sample>, Failure> {
        self.device.cycle(&mut self.link, trip).await
    }

    async fn handed_on(&mut self, trip: bool) {
        if trip {
            self.device.check_one(&mut self.link).await;
        }
    }

    fn failed(&self, failure: &Failure) -> String {
        self.device.failed(failure)
    }
}
