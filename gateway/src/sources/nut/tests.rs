#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
//! The poller against peers that misbehave, each in one way, and are sound before and after it. Whatever they do: it is
//! counted, no reading is wrong, and polling goes on.

mod encrypted;
mod evil;
mod good;
mod peer;
mod read_only;

use std::sync::Arc;
use std::time::Duration;

use muster_core::{ChannelIx, Input, SourceIx};
use muster_profiles::Device;
use muster_wire::{Absence, Micro};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::NutSource;
use crate::clock::Clock;
use crate::config::UpsName;
use crate::counters::{Cause, Counters};
use crate::lanes::{Control, LaneEnds, lanes};
use crate::sources::polls::Polling;

/// Nothing here takes longer, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// An answer of a peer here that is later than this is none.
const ANSWER_WITHIN_MS: u64 = 300;

/// A UPS `bat`, read by the shipped profile, with little patience.
pub(super) fn source(address: &str, signals: &[&str]) -> NutSource {
    let Some(Device::Nut(mut profile)) = muster_profiles::shipped("nut/ups") else {
        unreachable!("it is shipped")
    };
    profile.head.timeout_ms = ANSWER_WITHIN_MS;
    let channels = (0..).zip(signals);
    NutSource {
        source: SourceIx(0),
        id: "ups".into(),
        address: address.into(),
        ups: UpsName::new("bat").unwrap(),
        ca: None,
        profile: Arc::new(profile),
        channels: channels.map(|(i, s)| ((*s).to_owned(), ChannelIx(i))).collect(),
        poll_ms: Some(20),
    }
}

/// A poller and what comes out of it.
struct Bench {
    ends: LaneEnds,
    counters: Counters,
    polling: Polling,
    task: JoinHandle<()>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Channel and value in micro-units.
type Readings = Vec<(u32, Result<i64, Absence>)>;

/// What the engine would see.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    /// A batch on the lane of alarms.
    Alarm(Readings),
    /// A batch on the lane of data.
    Data(Readings),
    Lost(String),
}

impl Bench {
    fn poll(source: NutSource) -> Self {
        let (lanes, ends) = lanes();
        let counters = Counters::default();
        let (clock, polling) = (Clock::starting_at(0), Polling::default());
        let task = tokio::spawn(super::poller::run(
            source,
            lanes,
            counters.clone(),
            clock,
            true,
            polling.clone(),
        ));
        Self {
            ends,
            counters,
            polling,
            task,
        }
    }

    /// The next thing the engine would see.
    async fn hear(&mut self) -> Heard {
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
    async fn hear_until(&mut self, is: impl Fn(&Heard) -> bool) -> Vec<Heard> {
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
    fn counted(&self) -> Vec<(&'static str, u64)> {
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
