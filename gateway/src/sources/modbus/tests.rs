#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
//! The poller against peers that misbehave, each in one way and at one place of a cycle, and are sound before and
//! after it. Whatever they do: it is counted, no reading is wrong, and polling goes on.

mod evil;
mod good;
mod peer;
mod read_only;
pub(crate) mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use muster_core::{ChannelIx, Input, SourceIx};
use muster_profiles::Profile;
use muster_wire::{Absence, Micro};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::ModbusSource;
use crate::clock::Clock;
use crate::counters::{Cause, Counters};
use crate::lanes::{Control, LaneEnds, lanes};
use crate::sources::polls::Polling;

/// Nothing here takes longer, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two trip signals in blocks of their own and a canary: three requests a cycle.
const PROFILE: &str = r#"
vendor = "test"
model = "peer"
kind = "modbus"
document = "this test"
proven_by = "simulated"
min_poll_ms = 10
timeout_ms = 300
[canary]
table = "holding"
address = 900
expect = 0xBEEF
[[signal]]
name = "first"
table = "holding"
address = 100
type = "u16"
quantity = "counter"
trip = true
[[signal]]
name = "second"
table = "holding"
address = 200
type = "u16"
quantity = "counter"
trip = true
"#;

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

/// What the engine would see.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    /// Channel and value, of a batch on the lane of alarms.
    Alarm(Vec<(u32, Result<i64, Absence>)>),
    /// The same on the lane of data.
    Data(Vec<(u32, Result<i64, Absence>)>),
    Lost(String),
}

fn source(address: String, profile: Profile, signals: &[&str]) -> ModbusSource {
    let channels: BTreeMap<String, ChannelIx> = (0..)
        .zip(signals)
        .map(|(i, s)| ((*s).to_owned(), ChannelIx(i)))
        .collect();
    ModbusSource {
        source: SourceIx(0),
        id: "peer".into(),
        address,
        unit: 7,
        profile: Arc::new(profile),
        channels,
        poll_ms: None,
    }
}

impl Bench {
    fn poll(source: ModbusSource) -> Self {
        let (lanes, ends) = lanes();
        let (counters, polling) = (Counters::default(), Polling::default());
        let task = tokio::spawn(super::poller::run(
            source,
            lanes,
            counters.clone(),
            Clock::starting_at(0),
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

    fn poll_test_peer(address: String) -> Self {
        let profile = Profile::parse(PROFILE, "test").unwrap();
        Self::poll(source(address, profile, &["first", "second"]))
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
        assert!(
            timeout(PATIENCE, all).await.is_ok(),
            "never heard; last: {:?}",
            heard.last()
        );
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
