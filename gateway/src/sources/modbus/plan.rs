//! What is read of a device, and how answers become readings. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use muster_core::ChannelIx;
use muster_profiles::{Block, Signal};
use muster_wire::Absence;

use super::ModbusSource;
use super::link::Answer;
use super::rtu;
use crate::sources::excuse;
use crate::sources::outlet::Sample;
use crate::sources::pace::Pace;

/// What is read of a device. Only signals that the config has a channel for are read.
#[derive(Debug)]
pub(super) struct Plan {
    /// Reads of trip signals.
    pub(super) trip: Arc<[Poll]>,
    /// Reads of all others.
    pub(super) rest: Arc<[Poll]>,
    /// Channels of signals that stand in the register of its mode: they keep their value whatever that says.
    pub(super) about_mode: BTreeSet<ChannelIx>,
}

/// Something that takes meanings away: its name, what it says, and whose meaning.
pub(super) type Flag<'a> = (&'a str, Option<bool>, &'a [ChannelIx]);

/// One read and what is in it.
#[derive(Debug)]
pub(super) struct Poll {
    pub(super) block: Block,
    points: Vec<(Signal, ChannelIx)>,
    /// Signals in it that take the meaning of others away, and whose: in whichever block of the cycle those stand.
    excuses: Vec<(Signal, Vec<ChannelIx>)>,
}

impl Plan {
    pub(super) fn of(source: &ModbusSource) -> Self {
        Self {
            trip: polls(source, true),
            rest: polls(source, false),
            about_mode: about_mode(source),
        }
    }

    /// When it is read.
    pub(super) fn pace(&self, source: &ModbusSource) -> Pace {
        Pace::of(
            source.poll_ms,
            source.way.profile.head.min_poll_ms,
            !self.trip.is_empty(),
        )
    }
}

fn about_mode(source: &ModbusSource) -> BTreeSet<ChannelIx> {
    let profile = &source.way.profile;
    let about = |s: &&Signal| profile.mode.as_ref().is_some_and(|mode| mode.is_about(s));
    let channel = |s: &Signal| source.channels.get(&s.name).copied();
    profile.signals.iter().filter(about).filter_map(channel).collect()
}

/// How long a line of this rate is busy with a source, out of how long: questions, answers and the silences between them, as
/// often as they are asked for. The time that devices need to answer comes on top.
pub(crate) fn line_time(source: &ModbusSource, baud: u32) -> (Duration, Duration) {
    let plan = Plan::of(source);
    let pace = plan.pace(source);
    let profile = &source.way.profile;
    let mode = profile.mode.as_ref().map(|mode| mode.block);
    let extra: Vec<Block> = mode
        .into_iter()
        .chain(profile.canary.map(|canary| canary.block))
        .collect();
    let cycle = |polls: &[Poll]| -> Duration {
        let with = if polls.is_empty() { &[][..] } else { &extra[..] };
        let blocks = polls.iter().map(|poll| poll.block).chain(with.iter().copied());
        blocks.map(|block| rtu::read_time(block, baud)).sum()
    };
    let turns = u32::try_from(pace.rest_every).unwrap_or(u32::MAX);
    (cycle(&plan.trip) * turns + cycle(&plan.rest), pace.period * turns)
}

fn polls(source: &ModbusSource, trip: bool) -> Arc<[Poll]> {
    let channel = |s: &Signal| source.channels.get(&s.name).copied().filter(|_| s.trip == trip);
    let blocks = source.way.profile.blocks(|s| channel(s).is_some());
    let excused = |by: &Signal| -> Vec<ChannelIx> {
        let all = source.way.profile.signals.iter();
        all.filter(|s| s.unless_signals.contains(&by.name))
            .filter_map(channel)
            .collect()
    };
    let inside = |block: &Block, s: &Signal| (block.start..=block.start + (block.count - 1)).contains(&s.address);
    blocks
        .into_iter()
        .map(|block| Poll {
            points: (source.way.profile.signals.iter())
                .filter(|s| s.table == block.table && inside(&block, s))
                .filter_map(|s| Some((s.clone(), channel(s)?)))
                .collect(),
            excuses: (source.way.profile.signals.iter())
                .filter(|s| s.table == block.table && inside(&block, s))
                .map(|s| (s.clone(), excused(s)))
                .filter(|(_, excused)| !excused.is_empty())
                .collect(),
            block,
        })
        .collect()
}

impl Poll {
    /// What in an answer takes meanings away.
    pub(super) fn flags<'a>(&'a self, answer: &'a Answer) -> impl Iterator<Item = Flag<'a>> {
        let said = move |signal: &Signal| match answer {
            Answer::Words(words) => excuse::said(signal.decode(self.block.part(signal, words)?)),
            Answer::Refused(_) => None,
        };
        let flags = self.excuses.iter();
        flags.map(move |(signal, channels)| (signal.name.as_str(), said(signal), channels.as_slice()))
    }

    /// What of an answer would be read by itself: signals that share their block with something else.
    pub(super) fn shared(&self) -> impl Iterator<Item = &(Signal, ChannelIx)> {
        self.points
            .iter()
            .filter(|(signal, _)| signal.words() < self.block.count)
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use muster_core::SourceIx;
    use muster_wire::Micro;
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
            channels,
            poll_ms,
            way: crate::config::ModbusWay {
                port: crate::config::Port::Tcp("127.0.0.1:1".into()),
                unit: 1,
                profile: Arc::new(
                    muster_profiles::shipped(profile)
                        .and_then(muster_profiles::Device::into_modbus)
                        .unwrap(),
                ),
            },
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
            let source = source("generic/battery-monitor", signals, poll_ms);
            let pace = Plan::of(&source).pace(&source);
            (pace.period.as_millis(), pace.rest_every)
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
    fn what_takes_a_meaning_away_is_read_with_it_whether_it_has_a_channel_or_not() {
        let plan = Plan::of(&source("apc/smart-ups", &["on_battery"], None));
        let blocks: Vec<_> = plan.trip.iter().map(|p| (p.block.start, p.block.count)).collect();
        assert_eq!(blocks, [(0, 2), (23, 2)]);
        let flags = |poll: usize, answer: Answer| -> Vec<(String, Option<bool>, Vec<ChannelIx>)> {
            let flags = plan.trip[poll].flags(&answer);
            flags
                .map(|(name, said, of)| (name.to_owned(), said, of.to_vec()))
                .collect()
        };
        let said = |poll: usize, words: &[u16]| -> Vec<Option<bool>> {
            let flags = flags(poll, Answer::Words(words.to_vec()));
            flags.into_iter().map(|(_, said, _)| said).collect()
        };
        let (yes, no) = (Some(true), Some(false));
        let of_states = flags(0, Answer::Words(vec![0, 0x84]));
        assert_eq!(of_states, [("self_test".to_owned(), yes, vec![ChannelIx(0)])], "bit 7");
        assert_eq!(said(0, &[0, 4]), [no]);
        assert_eq!((said(1, &[2, 0]), said(1, &[0, 2])), (vec![yes, no], vec![no, yes]));
        assert_eq!((said(1, &[4, 4]), said(1, &[])), (vec![no, no], vec![None, None]));
        let refused = flags(1, Answer::Refused(ExceptionCode::IllegalDataAddress));
        assert!(
            refused.iter().all(|(_, said, _)| said.is_none()),
            "what cannot be read is not said to be over"
        );
        assert!(plan.rest.is_empty());
    }

    #[test]
    fn a_refused_read_makes_its_channels_absent() {
        let plan = Plan::of(&source("apc/smart-ups", &["on_battery"], None));
        let samples = plan.trip[0].samples(&Answer::Refused(ExceptionCode::IllegalDataAddress), &BTreeMap::new());
        assert_eq!(samples.len(), 1);
        assert_eq!(samples[0].value, Err(Absence::Bus));
    }
}
