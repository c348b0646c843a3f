//! What a poller hands to the engine, whatever its device speaks: samples of sound cycles, and losses.

use std::time::Duration;

use muster_core::{ChannelIx, Input, Millis, SourceIx};
use muster_wire::{Absence, Micro};
use tokio::time::sleep;

use super::pace::Pause;
use crate::clock::Clock;
use crate::lanes::Lanes;

/// The engine is gone; there is nobody to poll for.
pub(super) struct Closed;

/// One decoded signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) channel: ChannelIx,
    pub(super) value: Result<Micro, Absence>,
}

impl Sample {
    /// The same without its value, where there is a reason.
    pub(super) fn unless(self, absence: Option<Absence>) -> Self {
        let value = absence.map_or(self.value, Err);
        Self { value, ..self }
    }

    /// `age_ms` is what has passed since the device answered, in engine time.
    pub(super) fn input(self, simulated: bool, age_ms: u32) -> Input {
        Input::Reading {
            channel: self.channel,
            value: self.value,
            simulated,
            age_ms,
        }
    }
}

/// A poller's way to the engine.
pub(super) struct Outlet {
    source: SourceIx,
    lanes: Lanes,
    clock: Clock,
    simulated: bool,
    /// The loss of trip signals has been reported, and they have not been heard since.
    trip_lost: bool,
    /// The same of all others.
    rest_lost: bool,
    pause: Pause,
}

impl Outlet {
    pub(super) fn new(source: SourceIx, lanes: Lanes, clock: Clock, simulated: bool) -> Self {
        Self {
            source,
            lanes,
            clock,
            simulated,
            trip_lost: false,
            rest_lost: false,
            pause: Pause::new(),
        }
    }

    /// Engine time.
    pub(super) fn now(&self) -> Millis {
        self.clock.now()
    }

    pub(super) fn check_open(&self) -> Result<(), Closed> {
        if self.lanes.control.is_closed() {
            Err(Closed)
        } else {
            Ok(())
        }
    }

    /// Hands on what a device said at a time: trip signals to the lane of alarms, all others to that of data. The lane may be
    /// full: then this device waits, and the wait counts as age.
    pub(super) async fn heard(&mut self, trip: bool, samples: Vec<Sample>, taken: Millis) -> Result<(), Closed> {
        if samples.is_empty() {
            return Ok(());
        }
        let (lane, lost) = if trip {
            (&self.lanes.alarm, &mut self.trip_lost)
        } else {
            (&self.lanes.data, &mut self.rest_lost)
        };
        *lost = false;
        self.pause.reset();
        let slot = lane.reserve().await.map_err(|_| Closed)?;
        let age_ms = u32::try_from(self.clock.now() - taken).unwrap_or(u32::MAX);
        let inputs = samples.into_iter().map(|s| s.input(self.simulated, age_ms)).collect();
        slot.send(self.lanes.batch(inputs, None));
        Ok(())
    }

    /// The device is there, whatever it has to say.
    pub(super) fn found(&mut self) {
        (self.trip_lost, self.rest_lost) = (false, false);
        self.pause.reset();
    }

    /// Reports a loss, once an episode. Trip signals that fail take the rest with them.
    pub(super) async fn lost(&mut self, trip: bool, line: String) -> Result<(), Closed> {
        let known = if trip { self.trip_lost } else { self.rest_lost };
        self.trip_lost |= trip;
        self.rest_lost = true;
        if known {
            return Ok(());
        }
        let told = self.lanes.lost(self.source, line).await;
        told.then_some(()).ok_or(Closed)
    }

    /// A loss has been reported, and it is not over.
    pub(super) fn is_lost(&self) -> bool {
        self.trip_lost || self.rest_lost
    }

    /// How long to wait after a failure: longer each time, until the device is heard again.
    pub(super) fn pause(&mut self) -> Duration {
        self.pause.take()
    }
}

/// A device whose trip signals are asked for by themselves.
pub(super) trait Cycled {
    /// Why a cycle was discarded.
    type Failure;

    /// One cycle: of the signals that trip something, or of all others. Nothing comes out unless everything was sound.
    fn cycle(&mut self, trip: bool) -> impl Future<Output = Result<Vec<Sample>, Self::Failure>> + Send;

    /// What can wait until the samples of a sound cycle have been handed on.
    fn handed_on(&mut self, _trip: bool) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Counts a failure; one line of it.
    fn failed(&self, failure: &Self::Failure) -> String;

    /// Waits after a failure.
    fn rest(&mut self, pause: Duration) -> impl Future<Output = ()> + Send {
        sleep(pause)
    }
}

/// Trip signals first and by themselves: what follows can neither delay nor discard them.
pub(super) async fn turn(device: &mut impl Cycled, outlet: &mut Outlet, full: bool) -> Result<(), Closed> {
    outlet.check_open()?;
    for trip in [true, false].into_iter().take(1 + usize::from(full)) {
        match device.cycle(trip).await {
            Ok(samples) => {
                outlet.heard(trip, samples, outlet.now()).await?;
                device.handed_on(trip).await;
            }
            Err(failure) => {
                let line = device.failed(&failure);
                outlet.lost(trip, line).await?;
                device.rest(outlet.pause()).await;
                return Ok(());
            }
        }
    }
    Ok(())
}
