#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
//! The poller against peers that misbehave.
use std::sync::Arc;

use muster_core::{ChannelIx, SourceIx};
use muster_profiles::Device;

use super::NutSource;
use crate::config::UpsName;

pub(super) fn source(address: &str, signals: &[&str]) -> NutSource {
    let Some(Device::Nut(profile)) = muster_profiles::shipped("nut/ups") else {
        unreachable!("it is shipped")
    };
    let channels = (0..).zip(signals);
    NutSource {
        source: SourceIx(0),
        id: "ups".into(),
        address: address.into(),
        ups: UpsName::new("bat").unwrap(),
        ca: None,
        profile: Arc::new(profile),
        channels: channels.map(|(i, s)| ((*s).to_owned(), ChannelIx(i))).collect(),
        poll_ms: None,
    }
}
