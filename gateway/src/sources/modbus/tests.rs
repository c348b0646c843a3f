//! The poller against peers that misbehave, each in one way and at one place of a cycle, and are sound before and
//! after it. Whatever they do: it is counted, no reading is wrong, and polling goes on.

mod bus;
mod evil;
mod good;
mod line;
mod peer;
mod read_only;
pub(crate) mod server;
mod slave;

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_core::{ChannelIx, SourceIx};
use muster_profiles::Profile;

use super::ModbusSource;
use crate::config::{ModbusWay, Port};
use crate::sources::ear::Bench;

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

fn source(address: String, profile: Profile, signals: &[&str]) -> ModbusSource {
    let channels: BTreeMap<String, ChannelIx> = (0..)
        .zip(signals)
        .map(|(i, s)| ((*s).to_owned(), ChannelIx(i)))
        .collect();
    ModbusSource {
        source: SourceIx(0),
        id: "peer".into(),
        address: address.clone(),
        channels,
        poll_ms: None,
        way: ModbusWay {
            port: Port::Tcp(address),
            unit: 7,
            profile: Arc::new(profile),
        },
    }
}

fn poll(source: ModbusSource) -> Bench {
    Bench::of(|lanes, counters, clock, polling| super::poller::run(source, lanes, counters, clock, true, polling))
}

fn poll_test_peer(address: String) -> Bench {
    let profile = Profile::parse(PROFILE, "test").unwrap();
    poll(source(address, profile, &["first", "second"]))
}
