//! Modbus: one task a port, every call with a deadline, read functions only. A device that has a TCP address for itself is
//! alone on its port; serial lines, and addresses with several units, are buses.
//!
//! A device is asked in cycles. A cycle reads its blocks and then the profile's canary; only when that holds do its
//! readings leave, else all of them are discarded. So a reading always belongs to the register it is named after.
//! After anything but a proper answer or a Modbus exception the connection is dropped, because a late answer would meet
//! the next request (tokio-modbus issue 324). What an answer was turned away for is counted.

mod bus;
mod device;
mod failure;
mod link;
mod look;
mod plan;
mod poller;
mod record;
mod rtu;
mod singly;
mod sunspec;
#[cfg(test)]
pub(crate) mod tests;

pub use look::{Seen, explore, values};
pub(crate) use plan::line_time;
pub use record::Recorder;

use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::{ModbusWay, Polled, Port};
use crate::counters::Counters;
use crate::lanes::Lanes;
use crate::sources::polls::Polling;

/// A device and how it is asked.
type ModbusSource = Polled<ModbusWay>;

/// Polls the devices of one port until the lanes are closed or the task is aborted. Trip signals go to the lane of alarms, all
/// others to the lane of data; a full lane slows only this port. A device that fails is reported once an episode
/// by `Control::Lost`, and asked again after 100 ms to 5 s.
///
/// Trip signals are read every `poll_ms` (by default the profile's `min_poll_ms`), all others every second, or as
/// often as trip signals if that is less often. Periods and deadlines are real time; `simulated` marks the readings.
pub(crate) fn spawn(
    mut devices: Vec<(Polled<ModbusWay>, Polling)>,
    lanes: Lanes,
    counters: Counters,
    clock: Clock,
    simulated: bool,
) -> JoinHandle<()> {
    match devices.pop() {
        Some((source, polling)) if devices.is_empty() && matches!(source.way.port, Port::Tcp(_)) => {
            tokio::spawn(poller::run(source, lanes, counters, clock, simulated, polling))
        }
        last => {
            devices.extend(last);
            tokio::spawn(bus::run(devices, lanes, counters, clock, simulated))
        }
    }
}
