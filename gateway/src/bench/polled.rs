//! A register of a polled device flips → webhook fully received: mostly the wait for the next poll. And how many devices
//! one gateway polls that often.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::neighbours::{Neighbours, Turn, Watched};
use super::site::POLL_MS;
use super::stand::Stand;
use super::stats::Quantiles;
use super::trigger::Devices;
use super::{BenchError, Goal, machine};
use crate::clock::Stopwatch;

/// One device alone, and a site full of them.
const DEVICES: [usize; 2] = [1, 1_000];
/// Over this time polls and processor time are read off, with no trial between them.
const READ_OFF: Duration = Duration::from_secs(3);

/// One row of polled devices.
#[derive(Clone, Debug, Serialize)]
pub struct Polled {
    /// How many, each Modbus TCP with a connection of its own.
    pub devices: usize,
    /// Each is asked this often. Milliseconds.
    pub every_ms: u64,
    /// Flipped → webhook fully received; without the wait for a poll it is that of a message.
    pub total_us: Quantiles,
    /// Answers that reached the engine. A second.
    pub polls_per_s: f64,
    /// Share of one processor that the gateway takes for it. Percent; none where the system does not say.
    pub cpu_percent: Option<f64>,
    /// Who else used the machine meanwhile.
    pub neighbours: Neighbours,
    /// Of design §11.
    pub goals: Vec<Goal>,
}

/// All rows.
pub(super) async fn measure(folder: &Path, trials: usize) -> Result<Vec<Polled>, BenchError> {
    let mut rows = Vec::new();
    for count in DEVICES {
        rows.push(row(folder, count, trials).await?);
    }
    Ok(rows)
}

async fn row(folder: &Path, count: usize, trials: usize) -> Result<Polled, BenchError> {
    let devices = Devices::start(count).await?;
    let mut stand = Stand::polling(folder, &format!("polled-{count}.db"), &devices).await?;
    let (mut watched, turn) = (Watched::default(), Turn::begin());
    let measured = stand.trials(trials).await?;
    let (watch, before, cpu) = (
        Stopwatch::start(),
        stand.gateway.gauges.readings(),
        machine::own_cpu_s(),
    );
    tokio::time::sleep(READ_OFF).await;
    let (polls, elapsed_s) = (stand.gateway.gauges.readings() - before, watch.elapsed().as_secs_f64());
    let cpu_percent = cpu
        .zip(machine::own_cpu_s())
        .map(|(before, after)| (after - before) / elapsed_s * 100.0);
    turn.end(&mut watched);
    stand.gateway.stop().await;
    let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let polls_per_s = polls as f64 / elapsed_s;
    Ok(Polled {
        devices: count,
        every_ms: POLL_MS,
        total_us: Quantiles::of(measured.iter().map(|trial| us(trial.total))),
        polls_per_s,
        cpu_percent,
        neighbours: watched.mean(),
        goals: goals(count, polls_per_s, cpu_percent),
    })
}

fn goals(devices: usize, polls_per_s: f64, cpu_percent: Option<f64>) -> Vec<Goal> {
    let wanted = devices as f64 * 1_000.0 / POLL_MS as f64;
    match devices {
        1 => Vec::new(),
        _ => vec![Goal {
            goal: "1,000 Modbus TCP devices at 100 ms on one core: 99 % of the polls",
            met: polls_per_s >= 0.99 * wanted && cpu_percent.is_some_and(|percent| percent <= 100.0),
        }],
    }
}
