//! The poller against peers that misbehave, each in one way, and are sound before and after it. Whatever they do: it is
//! counted, no reading is wrong, and polling goes on.

mod encrypted;
mod evil;
mod good;
mod peer;
mod read_only;

use std::sync::Arc;

use muster_core::{ChannelIx, SourceIx};
use muster_profiles::Device;

use super::NutSource;
use crate::config::{NutWay, UpsName};
use crate::sources::ear::Bench;

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
        channels: channels.map(|(i, s)| ((*s).to_owned(), ChannelIx(i))).collect(),
        poll_ms: Some(20),
        way: NutWay {
            ups: UpsName::new("bat").unwrap(),
            ca: None,
            profile: Arc::new(profile),
        },
    }
}

fn poll(source: NutSource) -> Bench {
    Bench::of(|lanes, counters, clock, polling| super::poller::run(source, lanes, counters, clock, true, polling))
}
