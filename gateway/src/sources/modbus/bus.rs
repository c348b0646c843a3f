//! The task of a port that several devices share, or that is a line: one question at a time, who is due first goes first,
//! and who does not answer costs the others little.

use std::time::Duration;

use muster_core::Millis;
use tokio::time::sleep;

use super::ModbusSource;
use super::device::{Cycle, Device};
use super::failure::Failure;
use super::link::Link;
use super::plan::Plan;
use crate::clock::{Clock, Stopwatch};
use crate::counters::Counters;
use crate::lanes::Lanes;
use crate::sources::outlet::{Closed, Outlet, Sample};
use crate::sources::pace::Pace;
use crate::sources::polls::Polling;

/// Devices that do not answer have one part in so many of the port's time, all together.
const SHARE_OF_FAILING: u32 = 10;
/// So many cycles of trip signals, and one block of a device whose rest is overdue gets its turn.
const TRIPS_IN_A_ROW: u32 = 4;

/// Polls until the engine is gone.
pub(super) async fn run(
    members: Vec<(ModbusSource, Polling)>,
    lanes: Lanes,
    counters: Counters,
    clock: Clock,
    simulated: bool,
) {
    let Some(port) = members.first().map(|(source, _)| source.way.port.clone()) else {
        return;
    };
    let member = |(source, polling): (ModbusSource, Polling)| {
        let outlet = Outlet::new(source.source, lanes.clone(), clock.clone(), simulated);
        Member::new(source, polling, counters.clone(), outlet)
    };
    let mut bus = Bus {
        link: Link::new(port),
        members: members.into_iter().map(member).collect(),
        began: Stopwatch::start(),
        probe_from: Duration::ZERO,
        trips_in_a_row: 0,
    };
    while bus.turn().await.is_ok() {}
}

/// A port and who is on it. All times are since it began.
struct Bus {
    link: Link,
    members: Vec<Member>,
    began: Stopwatch,
    /// No device that fails is asked before.
    probe_from: Duration,
    trips_in_a_row: u32,
}

/// One device of a bus.
struct Member {
    device: Device,
    outlet: Outlet,
    pace: Pace,
    trips: bool,
    /// When its trip signals are due.
    trip_due: Duration,
    /// When the rest is due, or the next block of it.
    rest_due: Duration,
    /// The rest, while it is being read, and since when: by the engine's clock, for its age.
    rest: Option<(Millis, Cycle)>,
    /// Its trip signals have not been answered since they last failed.
    trip_failing: bool,
    /// Nor has the rest: a device may be silent to one block of it only.
    rest_failing: bool,
    /// The rest has begun to fail, and no trip signal has been answered since: the device may be dead.
    unheard: bool,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    member: usize,
    trip: bool,
}

/// What of a member could have a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    turn: Turn,
    at: Duration,
    failing: bool,
    /// More than a period late.
    overdue: bool,
}

impl Bus {
    async fn turn(&mut self) -> Result<(), Closed> {
        let now = self.began.elapsed();
        let all: Vec<Due> = self
            .members
            .iter()
            .enumerate()
            .flat_map(|(i, m)| m.due(i, now))
            .collect();
        match pick(&all, now, self.probe_from, self.trips_in_a_row) {
            Ok(turn) => self.take(turn).await,
            Err(wait) => {
                self.members.iter().try_for_each(|member| member.outlet.check_open())?;
                // No longer, so that the end of the engine is seen.
                sleep(wait.min(Duration::from_secs(1))).await;
                Ok(())
            }
        }
    }

    async fn take(&mut self, turn: Turn) -> Result<(), Closed> {
        self.trips_in_a_row = if turn.trip { self.trips_in_a_row + 1 } else { 0 };
        let began = self.began.elapsed();
        // Where nobody answers, nobody has to be protected.
        let others_answer = self.members.iter().any(Member::answers);
        let member = &mut self.members[turn.member];
        member.outlet.check_open()?;
        let was_failing = member.failing(turn.trip);
        let taken = if turn.trip { member.outlet.now() } else { member.taken() };
        member.count_missed(turn.trip, began);
        let said = member.ask(&mut self.link, turn.trip).await;
        let now = self.began.elapsed();
        if was_failing && said.is_err() && others_answer {
            self.probe_from = now + (now - began) * (SHARE_OF_FAILING - 1);
        }
        let is_heard = said.is_ok();
        member.take(turn.trip, said, (began, now), taken).await?;
        if turn.trip && is_heard {
            member.device.check_one(&mut self.link).await;
        }
        Ok(())
    }
}

/// The next turn, or how long there is none: trip signals before all others, and of equals who has been due longest. A
/// device that fails is tried when no other's trip signals are due, or when these have had their row: a line that is always
/// busy would never ask it again.
fn pick(all: &[Due], now: Duration, probe_from: Duration, trips_in_a_row: u32) -> Result<Turn, Duration> {
    let from = |due: &Due| if due.failing { due.at.max(probe_from) } else { due.at };
    let ready = || all.iter().filter(|due| from(due) <= now);
    let first = |wanted: &dyn Fn(&Due) -> bool| {
        ready()
            .filter(|due| wanted(due))
            .min_by_key(|due| due.at)
            .map(|due| due.turn)
    };
    let starved = (trips_in_a_row >= TRIPS_IN_A_ROW)
        .then(|| first(&|due| due.overdue && (due.failing || !due.turn.trip)))
        .flatten();
    starved
        .or_else(|| first(&|due| !due.failing && due.turn.trip))
        .or_else(|| first(&|due| due.failing))
        .or_else(|| first(&|due| !due.failing))
        .ok_or_else(|| {
            let next = all.iter().map(from).min();
            next.map_or(Duration::from_secs(1), |at| at.saturating_sub(now))
        })
}

impl Member {
    fn new(source: ModbusSource, polling: Polling, counters: Counters, outlet: Outlet) -> Self {
        let plan = Plan::of(&source);
        let pace = plan.pace(&source);
        polling.every(pace.period);
        let due = pace.stagger(source.source.at());
        Self {
            trips: !plan.trip.is_empty(),
            trip_due: due,
            rest_due: due,
            rest: None,
            trip_failing: false,
            rest_failing: false,
            unheard: false,
            pace,
            outlet,
            device: Device::new(source, plan, counters, polling),
        }
    }

    /// A device that fails is tried with what matters most.
    fn due(&self, member: usize, now: Duration) -> impl Iterator<Item = Due> {
        let due = move |trip, at: Duration, failing, period: Duration| Due {
            turn: Turn { member, trip },
            at,
            failing,
            overdue: now > at + period,
        };
        let trip = self
            .trips
            .then(|| due(true, self.trip_due, self.trip_failing, self.pace.period));
        let rest = (!self.trips || !self.trip_failing)
            .then(|| due(false, self.rest_due, self.rest_failing, self.rest_period()));
        trip.into_iter().chain(rest)
    }

    fn failing(&self, trip: bool) -> bool {
        if trip { self.trip_failing } else { self.rest_failing }
    }

    /// What matters most of it is answered, whatever else is not.
    fn answers(&self) -> bool {
        !self.failing(self.trips)
    }

    /// Whether it is waited for no longer than it usually needs. A device that is silent to one block of the rest for ever
    /// may take its time with its trip signals as before; one that dies is not waited for twice.
    fn is_hurried(&self, trip: bool) -> bool {
        self.failing(trip) || (trip && self.unheard)
    }

    /// What it is known by from now on, of a turn that came to an end or failed.
    fn note(&mut self, trip: bool, failed: bool) {
        self.unheard = match (trip, failed) {
            (true, _) => false,
            (false, true) => self.unheard || !self.rest_failing,
            (false, false) => self.unheard,
        };
        self.rest_failing = failed || (trip && self.rest_failing);
        self.trip_failing = if trip { failed } else { self.trip_failing };
    }

    /// Whole periods that a turn comes too late are turns that were not made; a pause after a failure is none.
    fn count_missed(&self, trip: bool, now: Duration) {
        self.device.polling.missed(self.missed(trip, now));
    }

    fn missed(&self, trip: bool, now: Duration) -> u64 {
        if self.failing(trip) {
            return 0;
        }
        let (due, period) = match (trip, self.trips) {
            (true, _) => (self.trip_due, self.pace.period),
            // Counted with the first block of the rest.
            (false, false) if self.rest.is_none() => (self.rest_due, self.rest_period()),
            (false, _) => return 0,
        };
        let late = now.saturating_sub(due).as_nanos() / period.as_nanos().max(1);
        u64::try_from(late).unwrap_or(u64::MAX)
    }

    /// When the oldest answer of what comes next was, or will have been, given.
    fn taken(&self) -> Millis {
        self.rest
            .as_ref()
            .map_or_else(|| self.outlet.now(), |(since, _)| *since)
    }

    fn rest_period(&self) -> Duration {
        self.pace.period * u32::try_from(self.pace.rest_every).unwrap_or(u32::MAX)
    }

    /// All trip signals, or one block of the rest.
    async fn ask(&mut self, link: &mut Link, trip: bool) -> Result<Option<Vec<Sample>>, Failure> {
        // Whoever has been slow may be slow; who is silent is not waited for as long.
        self.device.hurry(self.is_hurried(trip));
        if trip {
            return self.device.cycle(link, true).await.map(Some);
        }
        let begin = || (self.outlet.now(), Cycle::begin(false));
        let (since, mut cycle) = self.rest.take().unwrap_or_else(begin);
        let said = self.device.step(link, &mut cycle).await?;
        if said.is_none() {
            self.rest = Some((since, cycle));
        }
        Ok(said)
    }

    async fn take(
        &mut self,
        trip: bool,
        said: Result<Option<Vec<Sample>>, Failure>,
        (began, now): (Duration, Duration),
        taken: Millis,
    ) -> Result<(), Closed> {
        match said {
            // More blocks are to come, and they are due already.
            Ok(None) => {}
            Ok(Some(samples)) => {
                // Never more often than the device bears, however late this turn was.
                if trip {
                    self.trip_due = began + self.pace.period;
                } else {
                    self.rest_due = began + self.rest_period();
                }
                self.note(trip, false);
                self.outlet.heard(trip, samples, taken).await?;
            }
            Err(failure) => {
                let again = now + self.outlet.pause();
                (self.rest, self.rest_due) = (None, again);
                if trip {
                    self.trip_due = again;
                }
                self.note(trip, true);
                let line = self.device.failed(&failure);
                self.outlet.lost(trip, line).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn due(member: usize, trip: bool, at_ms: u64, failing: bool, overdue: bool) -> Due {
        Due {
            turn: Turn { member, trip },
            at: Duration::from_millis(at_ms),
            failing,
            overdue,
        }
    }

    fn picked(all: &[Due], probe_ms: u64, row: u32) -> Result<(usize, bool), u128> {
        let now = Duration::from_millis(1_000);
        pick(all, now, Duration::from_millis(probe_ms), row)
            .map(|turn| (turn.member, turn.trip))
            .map_err(|wait| wait.as_millis())
    }

    #[test]
    fn trip_signals_go_first_and_who_waits_longest_first_among_them() {
        let all = [
            due(0, false, 100, false, true),
            due(1, true, 900, false, false),
            due(2, true, 800, false, false),
        ];
        assert_eq!(picked(&all, 0, 0), Ok((2, true)));
        assert_eq!(
            picked(&all, 0, TRIPS_IN_A_ROW),
            Ok((0, false)),
            "the rest is not starved"
        );
        let in_time = [due(0, false, 900, false, false), all[1]];
        assert_eq!(picked(&in_time, 0, TRIPS_IN_A_ROW), Ok((1, true)));
    }

    #[test]
    fn a_silent_device_waits_for_its_share_and_for_the_trip_signals_of_others() {
        let silent = due(0, true, 100, true, true);
        assert_eq!(picked(&[silent, due(1, true, 990, false, false)], 0, 0), Ok((1, true)));
        assert_eq!(picked(&[silent, due(1, false, 100, false, true)], 0, 0), Ok((0, true)));
        assert_eq!(
            picked(&[silent, due(1, false, 100, false, true)], 1_500, 0),
            Ok((1, false))
        );
        assert_eq!(picked(&[silent], 1_500, 0), Err(500));
        let busy = [silent, due(1, true, 990, false, false)];
        assert_eq!(
            picked(&busy, 0, TRIPS_IN_A_ROW),
            Ok((0, true)),
            "on a busy line as well"
        );
        assert_eq!(
            picked(&busy, 1_500, TRIPS_IN_A_ROW),
            Ok((1, true)),
            "in its share of the time"
        );
    }

    fn member() -> Member {
        let profile =
            muster_profiles::shipped("generic/battery-monitor").and_then(muster_profiles::Device::into_modbus);
        let port = crate::config::Port::Tcp("127.0.0.1:1".into());
        let source = ModbusSource {
            source: muster_core::SourceIx(0),
            id: "d".into(),
            address: port.to_string(),
            channels: [("battery_alarm".into(), muster_core::ChannelIx(0))].into(),
            poll_ms: Some(1_000),
            way: crate::config::ModbusWay {
                port,
                unit: 1,
                profile: std::sync::Arc::new(profile.unwrap()),
            },
        };
        let outlet = Outlet::new(source.source, crate::lanes::lanes().0, Clock::starting_at(0), true);
        Member::new(source, Polling::default(), Counters::default(), outlet)
    }

    #[test]
    fn a_device_that_is_silent_to_one_block_of_the_rest_is_hurried_only_until_it_is_heard() {
        let mut member = member();
        let hurried = |member: &Member| (member.is_hurried(true), member.is_hurried(false));
        assert_eq!(hurried(&member), (false, false));
        member.note(false, true);
        assert_eq!(hurried(&member), (true, true), "it may be dead");
        assert!(member.answers(), "and may not");
        member.note(true, false);
        assert_eq!(hurried(&member), (false, true), "it is not");
        member.note(false, true);
        assert_eq!(hurried(&member), (false, true), "which is known by now");
        member.note(true, true);
        assert_eq!((hurried(&member), member.answers()), ((true, true), false));
        member.note(true, false);
        assert_eq!((hurried(&member), member.answers()), ((false, true), true));
        member.note(false, false);
        assert_eq!(hurried(&member), (false, false));
    }

    #[test]
    fn the_pauses_of_a_device_that_fails_are_no_missed_turns() {
        let mut member = member();
        let late = member.trip_due + Duration::from_millis(4_500);
        assert_eq!(member.missed(true, late), 4);
        member.note(true, true);
        assert_eq!(member.missed(true, late), 0);
    }

    #[test]
    fn nobody_is_due_before_its_time() {
        assert_eq!(picked(&[due(0, true, 1_250, false, false)], 0, 0), Err(250));
    }
}
