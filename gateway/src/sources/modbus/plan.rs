//! What is read of a device, and how answers become readings. No I/O.

use std::collections::BTreeMap;
use std::time::Duration;

use muster_core::{ChannelIx, Input};
use muster_profiles::{Block, Signal};
use muster_wire::{Absence, Micro};

use super::ModbusSource;
use super::link::Answer;

/// How often signals that trip nothing are read; as often as a person looks.
const REST_EVERY_MS: u64 = 1_000;
/// Faster than this nothing is polled, whatever the config says.
const FASTEST_MS: u64 = 10;

/// What is read of a device. Only signals that the config has a channel for are read.
#[derive(Debug)]
pub(super) struct Plan {
    /// Reads of every turn.
    pub(super) trip: Vec<Poll>,
    /// Reads of every `rest_every`-th turn.
    pub(super) rest: Vec<Poll>,
    /// Time between two turns.
    pub(super) period: Duration,
    /// See `rest`; ≥ 1.
    pub(super) rest_every: u64,
}

/// One read and what is in it.
#[derive(Debug)]
pub(super) struct Poll {
    pub(super) block: Block,
    points: Vec<(Signal, ChannelIx)>,
}

/// One decoded signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) channel: ChannelIx,
    pub(super) value: Result<Micro, Absence>,
}

impl Plan {
    pub(super) fn of(source: &ModbusSource) -> Self {
        let (trip, rest) = (polls(source, true), polls(source, false));
        let trip_ms = source
            .poll_ms
            .unwrap_or(source.profile.head.min_poll_ms)
            .max(FASTEST_MS);
        let rest_ms = trip_ms.max(REST_EVERY_MS);
        let period_ms = if trip.is_empty() { rest_ms } else { trip_ms };
        Self {
            trip,
            rest,
            period: Duration::from_millis(period_ms),
            rest_every: rest_ms.div_ceil(period_ms).max(1),
        }
    }
}

fn polls(source: &ModbusSource, trip: bool) -> Vec<Poll> {
    let channel = |s: &Signal| source.channels.get(&s.name).copied().filter(|_| s.trip == trip);
    let blocks = source.profile.blocks(|s| channel(s).is_some());
    let inside = |block: &Block, s: &Signal| (block.start..=block.start + (block.count - 1)).contains(&s.address);
    blocks
        .into_iter()
        .map(|block| Poll {
            points: (source.profile.signals.iter())
                .filter(|s| s.table == block.table && inside(&block, s))
                .filter_map(|s| Some((s.clone(), channel(s)?)))
                .collect(),
            block,
        })
        .collect()
}

impl Poll {
    /// The samples in an answer: of a refused read, every one is absent. `factors` are scale factors by offset; a signal
    /// whose own is missing has no value.
    pub(super) fn samples(&self, answer: &Answer, factors: &BTreeMap<u16, i16>) -> Vec<Sample> {
        let exponent = |signal: &Signal| match signal.scale_from {
            Some(offset) => factors.get(&offset).copied().ok_or(Absence::Config),
            None => Ok(0),
        };
        let value = |signal: &Signal| match answer {
            Answer::Words(words) => self
                .block
                .part(signal, words)
                .ok_or(Absence::Bus)
                .and_then(|w| signal.decode_times(w, exponent(signal)?)),
            Answer::Refused(_) => Err(Absence::Bus),
        };
        let sample = |(signal, channel): &(Signal, ChannelIx)| Sample {
            channel: *channel,
            value: value(signal),
        };
        self.points.iter().map(sample).collect()
    }
}

impl Sample {
    /// The same without its value, where there is a reason.
    pub(super) fn unless(self, absence: Option<Absence>) -> Self {
        let value = absence.map_or(self.value, Err);
        Self { value, ..self }
    }

    /// What the engine gets of it. `age_ms` is what has passed since the device answered, in engine time.
    pub(super) fn input(self, simulated: bool, age_ms: u32) -> Input {
        Input::Reading {
            channel: self.channel,
            value: self.value,
            simulated,
            age_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;
    use muster_core::SourceIx;
    use std::sync::Arc;
    use tokio_modbus::ExceptionCode;

    fn source(profile: &str, signals: &[&str], poll_ms: Option<u64>) -> ModbusSource {
        let channels = (0..)
            .zip(signals)
            .map(|(i, s)| ((*s).to_owned(), ChannelIx(i)))
            .collect();
        ModbusSource {
            source: SourceIx(0),
            id: "d".into(),
            address: "127.0.0.1:1".into(),
            unit: 1,
            profile: Arc::new(
                muster_profiles::shipped(profile)
                    .and_then(muster_profiles::Device::into_modbus)
                    .unwrap(),
            ),
            channels,
            poll_ms,
        }
    }

    #[test]
    fn only_signals_with_a_channel_are_read() {
        let plan = Plan::of(&source("generic/battery-monitor", &["battery_alarm", "charge"], None));
        let spans = |polls: &[Poll]| polls.iter().map(|p| (p.block.start, p.block.count)).collect::<Vec<_>>();
        assert_eq!((spans(&plan.trip), spans(&plan.rest)), (vec![(0, 1)], vec![(4, 1)]));
        let nothing = Plan::of(&source("generic/battery-monitor", &["no_such"], None));
        assert!(nothing.trip.is_empty() && nothing.rest.is_empty());
    }

    #[test]
    fn periods_follow_the_config_then_the_profile() {
        let periods = |signals: &[&str], poll_ms| {
            let plan = Plan::of(&source("generic/battery-monitor", signals, poll_ms));
            (plan.period.as_millis(), plan.rest_every)
        };
        assert_eq!(periods(&["battery_alarm", "charge"], None), (100, 10), "min_poll_ms");
        assert_eq!(periods(&["battery_alarm", "charge"], Some(300)), (300, 4));
        assert_eq!(periods(&["battery_alarm", "charge"], Some(5_000)), (5_000, 1));
        assert_eq!(periods(&["battery_alarm"], Some(0)), (10, 100), "never a busy loop");
        assert_eq!(periods(&["charge"], None), (1_000, 1), "nothing trips");
        assert_eq!(periods(&["charge"], Some(2_000)), (2_000, 1));
    }

    #[test]
    fn samples_belong_to_their_channels() {
        let signals = ["max_cell_temperature", "string_voltage", "current", "charge"];
        let plan = Plan::of(&source("generic/battery-monitor", &signals, None));
        let answer = Answer::Words(vec![251, 0xFFFF, (-3_i16) as u16, 1_001]);
        let got: Vec<_> = plan.rest[0]
            .samples(&answer, &BTreeMap::new())
            .into_iter()
            .map(|s| (s.channel.0, s.value))
            .collect();
        let expected = [
            (0, Ok(Micro(25_100_000))),
            (1, Err(Absence::Bus)),
            (2, Ok(Micro(-300_000))),
            (3, Err(Absence::Range)),
        ];
        assert_eq!(got, expected);
    }

    #[test]
    fn a_refused_read_makes_its_channels_absent() {
        let plan = Plan::of(&source("apc/smart-ups", &["on_battery"], None));
        let samples = plan.trip[0].samples(&Answer::Refused(ExceptionCode::IllegalDataAddress), &BTreeMap::new());
        assert_eq!(samples.len(), 1);
        assert_eq!(samples[0].value, Err(Absence::Bus));
    }
}
