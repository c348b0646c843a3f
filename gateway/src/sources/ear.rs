//! For tests: a poller, and what the engine would hear of it.

use std::time::Duration;

use muster_core::{Input, SourceIx};
use muster_wire::{Absence, Micro};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::polls::Polling;
use crate::clock::Clock;
use crate::counters::{Cause, Counters};
use crate::lanes::{Control, LaneEnds, Lanes, lanes};

/// Nothing here takes longer, on however slow a machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A poller and what comes out of it.
pub(super) struct Bench {
    pub(super) ends: LaneEnds,
    counters: Counters,
    pub(super) polling: Polling,
    pub(super) task: JoinHandle<()>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Channel and value in micro-units.
pub(super) type Readings = Vec<(u32, Result<i64, Absence>)>;

/// What the engine would see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A batch on the lane of alarms.
    Alarm(Readings),
    /// A batch on the lane of data.
    Data(Readings),
    Lost(String),
}

impl Bench {
    /// With a poller that is spawned onto these lanes, from engine time 0, all of it simulated.
    pub(super) fn of<F>(poller: impl FnOnce(Lanes, Counters, Clock, Polling) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (lanes, ends) = lanes();
        let (counters, polling) = (Counters::default(), Polling::default());
        let poller = poller(lanes, counters.clone(), Clock::starting_at(0), polling.clone());
        Self {
            ends,
            counters,
            polling,
            task: tokio::spawn(poller),
        }
    }

    /// The next thing the engine would see.
    pub(super) async fn hear(&mut self) -> Heard {
        let next = async {
            tokio::select! {
                biased;
                Some(control) = self.ends.control.recv() => lost(control),
                Some(batch) = self.ends.alarm.recv() => Heard::Alarm(batch.inputs.iter().map(reading).collect()),
                Some(batch) = self.ends.data.recv() => Heard::Data(batch.inputs.iter().map(reading).collect()),
            }
        };
        timeout(PATIENCE, next).await.unwrap()
    }

    /// Everything up to and including the first that `is` wanted.
    pub(super) async fn hear_until(&mut self, is: impl Fn(&Heard) -> bool) -> Vec<Heard> {
        let mut heard = Vec::new();
        let all = async {
            while !heard.last().is_some_and(&is) {
                heard.push(self.hear().await);
            }
        };
        let in_time = timeout(PATIENCE, all).await.is_ok();
        assert!(in_time, "never heard; last: {:?}", heard.last());
        heard
    }

    /// Counts by cause, without the zeros.
    pub(super) fn counted(&self) -> Vec<(&'static str, u64)> {
        let all = Cause::ALL.iter().map(|c| (c.as_str(), self.counters.get(*c)));
        all.filter(|(_, n)| *n > 0).collect()
    }
}

fn lost(control: Control) -> Heard {
    match control {
        Control::Lost {
            source: SourceIx(0),
            why,
            ..
        } => Heard::Lost(why),
        other => unreachable!("{other:?}"),
    }
}

fn reading(input: &Input) -> (u32, Result<i64, Absence>) {
    match input {
        Input::Reading {
            channel,
            value,
            simulated: true,
            ..
        } => (channel.0, value.map(|Micro(micro)| micro)),
        other => unreachable!("{other:?}"),
    }
}
