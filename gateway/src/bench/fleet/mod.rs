//! Many polled devices: how long their answers are on the way to the engine, whether every poll is made that is due, and
//! what that takes. Then the same with dead ones among them.

mod agents;
mod rack;
mod tally;
mod world;

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::neighbours::{Neighbours, Turn, Watched};
use super::stats::Quantiles;
use super::{BenchError, Goal, machine, site};
use crate::clock::Stopwatch;
use crate::config::Config;
use crate::gateway::Gateway;
use tally::{Mark, Tally, Written};
use world::{DEAD, World};

pub use world::be_devices;

/// Modbus TCP devices (design §11).
const DEVICES: usize = 1_000;
/// Every living device has been heard within this.
const HEARD_WITHIN: Duration = Duration::from_secs(60);
/// After that everything is warm.
const WARM_UP: Duration = Duration::from_secs(2);

/// One row: one fleet.
#[derive(Clone, Debug, Serialize)]
pub struct Fleet {
    /// What they speak, and how much of it.
    pub what: String,
    /// How many are polled.
    pub devices: usize,
    /// How many of them are dead.
    pub dead: usize,
    /// Of how many the figures are: the same ones in every row of a kind.
    pub measured: usize,
    /// Trip signals are due this often. Milliseconds.
    pub every_ms: u64,
    /// How long it was measured. Seconds.
    pub seconds: f64,
    /// Written by the device → taken by the engine, of answers with trip signals.
    pub trip_us: Quantiles,
    /// The same of all others.
    pub rest_us: Quantiles,
    /// From one sample of a device's trip signals to its next.
    pub period_us: Quantiles,
    /// Polls of trip signals whose samples reached the engine.
    pub polls: u64,
    /// Polls that were due.
    pub polls_due: u64,
    /// Share of one processor that the gateway took. Percent; none where the system does not say.
    pub cpu_percent: Option<f64>,
    /// Resident memory of the process, its measuring included. KiB; none where the system does not say.
    pub resident_kib: Option<u64>,
    /// Beside the row in which all are alive.
    pub to_all_alive: Option<Ratios>,
    /// Who else used the machine meanwhile.
    pub neighbours: Neighbours,
    /// Of design §11.
    pub goals: Vec<Goal>,
}

/// One row's figures beside another's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratios {
    /// Of the medians, answer to engine.
    pub p50: f64,
    /// Of the 99th percentiles.
    pub p99: f64,
    /// Of the polls made of those due.
    pub polls: f64,
    /// Of the median periods.
    pub period: f64,
    /// Of the processor time; none where the system does not say.
    pub cpu: Option<f64>,
}

/// Fleets that were measured, and why others were not.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Fleets {
    /// Modbus first.
    pub rows: Vec<Fleet>,
    /// Lines.
    pub missing: Vec<String>,
}

/// All rows, each read off for so long.
pub(super) async fn measure(folder: &Path, over: Duration) -> Result<Fleets, BenchError> {
    let world = World::start(DEVICES).await?;
    let all = &world.addresses.living;
    let alive = modbus(folder, all, 0, over).await?;
    let some: Vec<_> = (all.iter().take(DEVICES - DEAD))
        .chain(&world.addresses.dead)
        .copied()
        .collect();
    let mut dead = modbus(folder, &some, DEAD, over).await?;
    dead.compare(&alive);
    drop(world);
    let mut fleets = Fleets {
        rows: vec![alive, dead],
        missing: Vec::new(),
    };
    agents::measure(folder, over, &mut fleets).await?;
    Ok(fleets)
}

async fn modbus(
    folder: &Path,
    addresses: &[std::net::SocketAddr],
    dead: usize,
    over: Duration,
) -> Result<Fleet, BenchError> {
    std::fs::write(folder.join(rack::PROFILE), rack::profile()).map_err(BenchError::Process)?;
    let journal = format!("fleet-{dead}.db");
    let plan = Plan {
        what: "Modbus TCP, 50 registers, 10 of them trip something and are read every 100 ms, 40 every second".into(),
        config: site::watched(folder, &journal, &rack::sources(addresses))?,
        devices: addresses.len(),
        dead,
        measured: addresses.len() - DEAD,
        every_ms: rack::TRIP_EVERY_MS,
        marks: &rack::MARKS,
        written: Written::InIt,
    };
    let mut row = plan.run(over).await?;
    row.goals = row.modbus_goals();
    Ok(row)
}

/// What is measured, before it is.
struct Plan<'a> {
    what: String,
    config: Config,
    devices: usize,
    dead: usize,
    measured: usize,
    every_ms: u64,
    /// Signals by which an answer is known.
    marks: &'a [(&'a str, bool)],
    written: Written,
}

impl Plan<'_> {
    async fn run(self, over: Duration) -> Result<Fleet, BenchError> {
        let tally = Tally::of(self.measured);
        let gateway = Gateway::start(&self.config, None, Box::new(|_, _| {}))
            .await
            .map_err(|cause| BenchError::Gateway(Box::new(cause)))?;
        gateway.gauges.tap(tally.tap(&self.marks(), self.written.clone()));
        let measured = self.read_off(&tally, over).await;
        gateway.stop().await;
        measured
    }

    fn marks(&self) -> Vec<Mark> {
        let devices = self.config.polled.iter().take(self.measured).enumerate();
        let marks = devices.flat_map(|(device, polled)| {
            self.marks.iter().filter_map(move |(signal, trip)| {
                let channel = *polled.channels.get(*signal)?;
                let trip = *trip;
                Some(Mark { channel, device, trip })
            })
        });
        marks.collect()
    }

    async fn read_off(&self, tally: &Tally, over: Duration) -> Result<Fleet, BenchError> {
        let waited = Stopwatch::start();
        while tally.heard() < self.measured {
            if waited.elapsed() > HEARD_WITHIN {
                let (heard, of) = (tally.heard(), self.measured);
                return Err(BenchError::Silent { heard, of });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(WARM_UP).await;
        let (mut watched, turn) = (Watched::default(), Turn::begin());
        let (watch, cpu) = (Stopwatch::start(), machine::own_cpu_s());
        tally.open();
        tokio::time::sleep(over).await;
        let book = tally.close();
        let (seconds, after) = (watch.elapsed().as_secs_f64(), machine::own_cpu_s());
        turn.end(&mut watched);
        let due = self.measured as f64 * seconds * 1_000.0 / self.every_ms as f64;
        Ok(Fleet {
            what: self.what.clone(),
            devices: self.devices,
            dead: self.dead,
            measured: self.measured,
            every_ms: self.every_ms,
            seconds,
            polls: book.trip_us.len() as u64,
            polls_due: due as u64,
            trip_us: Quantiles::of(book.trip_us),
            rest_us: Quantiles::of(book.rest_us),
            period_us: Quantiles::of(book.period_us),
            cpu_percent: cpu.zip(after).map(|(before, after)| (after - before) / seconds * 100.0),
            resident_kib: machine::resident_kib(std::process::id()),
            to_all_alive: None,
            neighbours: watched.mean(),
            goals: Vec::new(),
        })
    }
}

impl Fleet {
    /// Share of the polls that were made, of those due.
    #[must_use]
    pub fn made(&self) -> f64 {
        self.polls as f64 / (self.polls_due as f64).max(1.0)
    }

    fn compare(&mut self, alive: &Self) {
        let of = |a: u64, b: u64| a as f64 / (b as f64).max(1.0);
        self.to_all_alive = Some(Ratios {
            p50: of(self.trip_us.p50, alive.trip_us.p50),
            p99: of(self.trip_us.p99, alive.trip_us.p99),
            polls: self.made() / alive.made().max(f64::EPSILON),
            period: of(self.period_us.p50, alive.period_us.p50),
            cpu: self.cpu_percent.zip(alive.cpu_percent).map(|(a, b)| a / b),
        });
    }

    fn modbus_goals(&self) -> Vec<Goal> {
        let [in_time, made] = if self.dead == 0 {
            [
                "1,000 Modbus TCP devices: p99 answer to engine at most 20 ms",
                "1,000 Modbus TCP devices: 99 % of the polls due, on one core",
            ]
        } else {
            [
                "10 dead of 1,000: p99 answer to engine of the others at most 20 ms",
                "10 dead of 1,000: 99 % of the others' polls due, on one core",
            ]
        };
        let one_core = self.cpu_percent.is_some_and(|percent| percent <= 100.0);
        vec![
            self.in_time(in_time),
            Goal {
                goal: made,
                met: self.made() >= 0.99 && one_core,
            },
        ]
    }

    fn in_time(&self, goal: &'static str) -> Goal {
        let both = [self.trip_us.p99(), self.rest_us.p99()];
        let met = both.iter().all(|p99| p99.is_some_and(|us| us <= 20_000));
        Goal { goal, met }
    }
}
