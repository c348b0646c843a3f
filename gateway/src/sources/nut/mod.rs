//! UPSes behind NUT's upsd (RFC 9271): one task and one connection a UPS, every call with a deadline, reads only.
//!
//! A turn asks for every variable of the UPS at once, so that what is said belongs together, and believes the answer only
//! if each line of it names the UPS that was asked for. What upsd says about not knowing (`DATA-STALE`,
//! `DRIVER-NOT-CONNECTED`, `WAIT`, …) is trouble and never a value; after anything that is no answer and no refusal the
//! connection is dropped, because a late answer would meet the next request. A flag counts for as long as it is repeated.

mod answer;
mod failure;
pub(crate) mod line;
mod link;
mod look;
mod poller;
mod refusal;
mod request;
mod sheet;
#[cfg(test)]
mod tests;

use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::{NutWay, Polled};
use crate::counters::Counters;
use crate::lanes::Lanes;
use crate::sources::polls::Polling;

pub(crate) use answer::Variables;
pub(crate) use line::shown;
pub(crate) use look::{Seen, look, variables};

/// A UPS and how it is asked.
type NutSource = Polled<NutWay>;

/// Polls one UPS until the lanes are closed or the task is aborted. Trip signals go to the lane of alarms, all others to
/// the lane of data; a full lane slows only this UPS. One that is not heard is reported once an episode by
/// `Control::Lost`, and asked again after 100 ms to 5 s.
///
/// It is asked every `poll_ms` (by default the profile's `min_poll_ms`); what trips nothing is handed on every second, or
/// as often as the rest if that is less often. Periods and deadlines are real time; `simulated` marks the readings.
pub(crate) fn spawn(
    source: Polled<NutWay>,
    lanes: Lanes,
    counters: Counters,
    clock: Clock,
    simulated: bool,
    polling: Polling,
) -> JoinHandle<()> {
    tokio::spawn(poller::run(source, lanes, counters, clock, simulated, polling))
}
