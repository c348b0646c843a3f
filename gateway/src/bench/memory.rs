//! What the whole gateway process takes: `muster run` with 100,000 channels, each heard once a second.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::oneshot;

use super::latency::LARGE;
use super::load::{Connection, Template};
use super::neighbours::{Neighbours, Turn, Watched};
use super::site;
use super::{BenchError, Goal, background, machine};
use crate::clock::Stopwatch;
use crate::counters::Cause;

/// Every channel is heard this often.
const EVERY: Duration = Duration::from_secs(1);
/// Rounds before anything is read off: connections, first readings, first view.
const WARM_UP_ROUNDS: usize = 3;
/// The process says within this where it listens.
const GREETING_WITHIN: Duration = Duration::from_secs(60);

/// Memory and processor time of one gateway process.
#[derive(Clone, Debug, Serialize)]
pub struct Memory {
    /// Channels in the config.
    pub channels: usize,
    /// Readings a second that were sent and acknowledged.
    pub readings_per_s: f64,
    /// Resident before anything was heard. KiB.
    pub resident_idle_kib: u64,
    /// Resident while all channels are heard. KiB.
    pub resident_kib: u64,
    /// Times the flight recorder could not keep up meanwhile.
    pub recorder_gaps: u64,
    /// Share of one processor meanwhile. Percent; none where the system does not say.
    pub cpu_percent: Option<f64>,
    /// Who else used the machine meanwhile.
    pub neighbours: Neighbours,
    /// Of design §11.
    pub goals: Vec<Goal>,
}

/// Starts the process, feeds it for so many seconds after it has warmed up, reads off what it takes, and ends it.
pub(super) async fn measure(folder: &Path, rounds: usize) -> Result<Memory, BenchError> {
    let file = folder.join("memory.toml");
    let text = site::text("memory.db", site::nowhere(), LARGE);
    std::fs::write(&file, text).map_err(BenchError::Process)?;
    let program = std::env::current_exe().map_err(BenchError::Process)?;
    let mut process = Command::new(program)
        .args(["run", "--json"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(BenchError::Process)?;
    let measured = observe(&mut process, rounds).await;
    // Its journal stands any end, and goes with the folder.
    process.kill().await.map_err(BenchError::Process)?;
    measured
}

/// Where the process listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Greeting {
    mqtt: SocketAddr,
    http: SocketAddr,
}

/// Where the process listens, and what else it says.
async fn greeting(process: &mut Child) -> Option<(Greeting, tokio::io::Lines<BufReader<ChildStdout>>)> {
    let mut lines = BufReader::new(process.stdout.take()?).lines();
    loop {
        let line = lines.next_line().await.ok()??;
        if let Some(listens) = greeting_in(&line) {
            return Some((listens, lines));
        }
    }
}

async fn observe(process: &mut Child, rounds: usize) -> Result<Memory, BenchError> {
    let greeted = tokio::time::timeout(GREETING_WITHIN, greeting(process))
        .await
        .ok()
        .flatten();
    let (listens, lines) = greeted.ok_or(BenchError::Greeting(GREETING_WITHIN.as_secs()))?;
    tokio::spawn(drain(lines));
    let pid = process.id().unwrap_or_default();
    let resident = || machine::resident_kib(pid).ok_or(BenchError::Proc(pid));
    let resident_idle_kib = resident()?;
    let (mut watched, turn) = (Watched::default(), Turn::begin());
    let fed = feed(listens.mqtt, pid, rounds).await?;
    turn.end(&mut watched);
    let resident_kib = resident()?;
    let recorder_gaps = recorder_gaps(listens.http).await?;
    let cpu_percent = fed.cpu_s.map(|cpu_s| cpu_s / fed.elapsed_s * 100.0);
    Ok(Memory {
        channels: LARGE.nodes * LARGE.channels,
        readings_per_s: fed.readings as f64 / fed.elapsed_s,
        resident_idle_kib,
        resident_kib,
        recorder_gaps,
        cpu_percent,
        neighbours: watched.mean(),
        goals: vec![
            Goal {
                goal: "100,000 channels at 1 Hz: at most 256 MiB",
                met: resident_kib <= 256 * 1_024,
            },
            Goal {
                goal: "100,000 channels at 1 Hz: no gap in the recording",
                met: recorder_gaps == 0,
            },
            Goal {
                goal: "100,000 channels at 1 Hz: at most 25 % of a core",
                met: cpu_percent.is_some_and(|percent| percent <= 25.0),
            },
        ],
    })
}

/// Where it listens, if this is the line that says so.
fn greeting_in(line: &str) -> Option<Greeting> {
    let said: serde_json::Value = serde_json::from_str(line).ok()?;
    said.get("started")?;
    let address = |name: &str| said.get(name)?.as_str()?.parse().ok();
    Some(Greeting {
        mqtt: address("mqtt")?,
        http: address("http")?,
    })
}

/// What it says of its recorder in its metrics.
async fn recorder_gaps(http: SocketAddr) -> Result<u64, BenchError> {
    let client = reqwest::Client::builder().no_proxy().timeout(GREETING_WITHIN).build();
    let url = format!("http://{http}/metrics");
    let answer = client.map_err(BenchError::Metrics)?.get(url).send().await;
    let metrics = answer.map_err(BenchError::Metrics)?.text().await;
    let metrics = metrics.map_err(BenchError::Metrics)?;
    let name = format!("muster_dropped_total{{cause=\"{}\"}} ", Cause::RecorderLost.as_str());
    let gaps = metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok());
    gaps.ok_or(BenchError::NoCount(Cause::RecorderLost.as_str()))
}

/// What it says after its greeting is of no interest, but must not stand in its way.
async fn drain(mut lines: tokio::io::Lines<BufReader<ChildStdout>>) {
    while let Ok(Some(_)) = lines.next_line().await {}
}

/// What was fed, and what it cost.
struct Fed {
    readings: u64,
    elapsed_s: f64,
    cpu_s: Option<f64>,
}

async fn feed(broker: SocketAddr, pid: u32, rounds: usize) -> Result<Fed, BenchError> {
    let (tell, told) = oneshot::channel();
    background("bench-load", async move {
        // Nobody waiting means that the measurement has ended.
        let _ = tell.send(feed_rounds(broker, pid, rounds).await);
    })?;
    let gone = |_| BenchError::Load(std::io::ErrorKind::BrokenPipe.into());
    told.await.map_err(gone)?.map_err(BenchError::Load)
}

async fn feed_rounds(broker: SocketAddr, pid: u32, rounds: usize) -> std::io::Result<Fed> {
    let mut connections = Vec::new();
    for node in 0..LARGE.nodes {
        connections.push(Connection::open(broker, Template::pack(&format!("load-{node}"), LARGE.channels)).await?);
    }
    let mut tick = tokio::time::interval(EVERY / u32::try_from(LARGE.nodes).unwrap_or(1));
    let (mut watch, mut cpu, mut before) = (Stopwatch::start(), None, 0);
    for round in 0..WARM_UP_ROUNDS + rounds {
        if round == WARM_UP_ROUNDS {
            finish(&mut connections).await?;
            (watch, cpu) = (Stopwatch::start(), machine::cpu_s(pid));
            before = acked(&connections);
        }
        for connection in &mut connections {
            tick.tick().await;
            connection.send(1).await?;
        }
    }
    let (elapsed_s, after) = (watch.elapsed().as_secs_f64(), machine::cpu_s(pid));
    finish(&mut connections).await?;
    Ok(Fed {
        readings: (acked(&connections) - before) * LARGE.channels as u64,
        elapsed_s,
        cpu_s: cpu.zip(after).map(|(before, after)| after - before),
    })
}

async fn finish(connections: &mut [Connection]) -> std::io::Result<()> {
    for connection in connections {
        connection.finish().await?;
    }
    Ok(())
}

fn acked(connections: &[Connection]) -> u64 {
    connections.iter().map(|connection| connection.acked).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_greeting_says_where_it_listens() {
        let greeting = r#"{"schema":1,"started":"bench","mqtt":"127.0.0.1:4321","http":"127.0.0.1:80"}"#;
        let [mqtt, http] = [4_321, 80].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!(greeting_in(greeting), Some(Greeting { mqtt, http }));
        for other in [
            r#"{"mqtt":"127.0.0.1:1"}"#,
            r#"{"started":"b","mqtt":"off","http":"127.0.0.1:80"}"#,
            "no JSON",
            "",
        ] {
            assert_eq!(greeting_in(other), None, "{other}");
        }
    }
}
