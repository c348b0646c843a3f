//! Every suite, in one binary. A test that needs a tool from outside carries the tool's name in its path
//! (`…::pymodbus::…`, `…::mosquitto::…`), so that `tests/run` can leave it out, and say so, where the tool is missing.
//! A test of the heavy tier is `#[ignore = "heavy: why"]`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers stand outside of `#[test]`, where .clippy.toml does not reach; a test may fail loudly"
)]

mod acks;
mod acting;
mod agents;
mod bench;
mod buses;
mod explaining;
mod firmware;
mod inputs;
mod lasting;
mod model_check;
mod nut_server;
mod proof;
mod ready;
mod recordings;
mod running;
mod runways;
mod scenarios;
mod site;
mod stand;
mod targets;
mod telling;
mod uplink;
mod walls;
