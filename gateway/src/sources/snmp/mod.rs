//! SNMP v2c and v3: one task an agent, every call with a deadline, GET and GETBULK only.
//!
//! An agent is identified before anything of it is believed, and again with every answer: sysObjectID and sysUpTime are
//! asked along with the objects, so a device that took another's address, or one that started anew, gives nothing under
//! the old name. An answer that is not to the question is discarded as a whole. A trap makes its agent be asked at once
//! and does nothing else: it is never a value and never a vote (decision record 0032).

mod failure;
mod hints;
mod link;
mod login;
mod look;
mod plan;
mod poller;
mod record;
#[cfg(test)]
mod tests;
pub mod traps;

use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::{Polled, SnmpWay};
use crate::counters::Counters;
use crate::lanes::Lanes;
use crate::sources::polls::Polling;

pub use hints::Hints;
pub(crate) use look::{Agent, Read, meet};
pub(crate) use record::Walker;

/// A device and how it is asked.
type SnmpSource = Polled<SnmpWay>;

/// Polls one agent until the lanes are closed or the task is aborted. Trip signals go to the lane of alarms, all others
/// to the lane of data; a full lane slows only this agent. An agent that fails is reported once an episode by
/// `Control::Lost`, and asked again after 100 ms to 5 s, or as soon as it sends a trap.
///
/// Trip signals are read every `poll_ms` (by default the profile's `min_poll_ms`), all others every second, or as
/// often as trip signals if that is less often. Periods and deadlines are real time; `simulated` marks the readings.
pub(crate) fn spawn(
    source: Polled<SnmpWay>,
    (lanes, counters, clock): (Lanes, Counters, Clock),
    simulated: bool,
    hints: &Hints,
    polling: Polling,
) -> JoinHandle<()> {
    let hint = hints.of_one();
    let ways = (lanes, counters, clock);
    tokio::spawn(poller::run(source, ways, simulated, hint, polling))
}
