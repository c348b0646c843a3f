//! How much goes through: decode and core alone, and the embedded broker over TCP.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use muster_core::{Effect, Input, State};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::load::{self, Connection, Template};
use super::site::{self, Others};
use super::stats::Rounds;
use super::{BenchError, Goal, SITE, background, machine};
use crate::api::Gauges;
use crate::clock::{Clock, Stopwatch};
use crate::config::Config;
use crate::counters::Counters;
use crate::gateway::Gateway;
use crate::ingest::{Ingest, Message};
use crate::lanes::lanes;

/// Readings of a full pack.
const A_PACK: usize = 64;
/// Nodes of the rate in process: 9,984 channels, as a large site has.
const CORE_NODES: usize = 156;
/// Packs a node and round in process.
const CORE_PACKS: u64 = 40;
/// Connections at the broker.
const CONNECTIONS: usize = 4;
/// A round at the broker, after as much again as warm-up of the first.
const ROUND: Duration = Duration::from_secs(2);
/// What was acknowledged reaches the engine within this, or is lost.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);

/// Rates of every kind.
#[derive(Clone, Debug, Serialize)]
pub struct Rates {
    /// Decode, checks and core, packs of 64, no I/O. Readings a second of one processor's time: a neighbour that takes the
    /// processor away for a while changes nothing. Of the wall clock where the system does not tell a thread's time.
    pub core_readings_per_s: Rounds,
    /// Through the broker, a reading a message.
    pub singly: BrokerRate,
    /// Through the broker, packs of 64.
    pub packed: BrokerRate,
    /// Of design §11.
    pub goals: Vec<Goal>,
}

/// A rate through the embedded broker, QoS 1, four connections.
#[derive(Clone, Debug, Serialize)]
pub struct BrokerRate {
    /// Readings in a message.
    pub readings_a_message: usize,
    /// Messages acknowledged a second.
    pub messages_per_s: Rounds,
    /// Readings sent and acknowledged that the engine never saw.
    pub readings_lost: u64,
    /// Processor seconds of the gateway, without the generator's, a million messages; none where the system does not say.
    pub cpu_s_per_million_messages: Option<f64>,
}

/// All of them.
pub(super) async fn measure(folder: &Path, rounds: usize) -> Result<Rates, BenchError> {
    let core_readings_per_s = core(folder, rounds).await?;
    let singly = broker(folder, 1, rounds).await?;
    let packed = broker(folder, A_PACK, rounds).await?;
    let packed_readings = packed.messages_per_s.median * A_PACK as f64;
    let goals = vec![
        Goal {
            goal: "decode and core: at least 1,000,000 readings/s on a core",
            met: core_readings_per_s.median >= 1e6,
        },
        Goal {
            goal: "broker: at least 40,000 messages/s without a loss",
            met: singly.messages_per_s.median >= 40_000.0 && singly.readings_lost == 0,
        },
        Goal {
            goal: "broker: at least 500,000 readings/s in packs of 64",
            met: packed_readings >= 500_000.0 && packed.readings_lost == 0,
        },
    ];
    Ok(Rates {
        core_readings_per_s,
        singly,
        packed,
        goals,
    })
}

/// Every pack takes the way it takes in the gateway: topic, decode, checks, lane, core.
async fn core(folder: &Path, rounds: usize) -> Result<Rounds, BenchError> {
    let others = Others {
        nodes: CORE_NODES,
        channels: A_PACK,
    };
    let config = site::config(folder, "core.db", site::nowhere(), others)?;
    let (tell, told) = oneshot::channel();
    background("bench-core", async move {
        let mut rates = Vec::new();
        let packs = packs();
        for _ in 0..rounds {
            rates.push(core_round(&config, &packs).await);
        }
        // Nobody waiting means that the measurement has ended.
        let _ = tell.send(rates);
    })?;
    let gone = |_| BenchError::Load(std::io::ErrorKind::BrokenPipe.into());
    told.await.map(Rounds::of).map_err(gone)
}

struct Sent {
    node: String,
    topic: String,
    payload: Vec<u8>,
}

fn packs() -> Vec<Sent> {
    let numbered = (1..=CORE_PACKS).flat_map(|seq| (0..CORE_NODES).map(move |node| (seq, node)));
    let pack = |(seq, node): (u64, usize)| {
        let node = format!("load-{node}");
        let payload = load::pack(&mut [0; 4096], &node, seq, A_PACK)?.to_vec();
        let topic = format!("muster/v1/{SITE}/{node}/data");
        Some(Sent { node, topic, payload })
    };
    numbered.filter_map(pack).collect()
}

/// Readings a processor second of one round over all packs, with a state and marks of its own.
async fn core_round(config: &Config, packs: &[Sent]) -> f64 {
    let clock = Clock::starting_at(0);
    let (lanes, mut ends) = lanes();
    let ingest = Ingest::new(config, &[], lanes, Counters::default());
    let (mut state, mut out) = (State::new(), Vec::<Effect>::new());
    muster_core::step(&mut state, clock.now(), &Input::Config(config.site.clone()), &mut out);
    let (began, before, mut taken) = (Stopwatch::start(), machine::thread_cpu_s(), 0_usize);
    for sent in packs {
        let message = Message {
            client: &sent.node,
            topic: &sent.topic,
            payload: &sent.payload,
            retain: false,
        };
        ingest.take(message).await;
        while let Ok(batch) = ends.data.try_recv() {
            let now = clock.now();
            for input in &batch.inputs {
                muster_core::step(&mut state, now, input, &mut out);
            }
            taken += batch.inputs.len();
        }
        out.clear();
    }
    let cpu_s = before
        .zip(machine::thread_cpu_s())
        .map(|(before, after)| after - before);
    taken as f64 / cpu_s.unwrap_or_else(|| began.elapsed().as_secs_f64())
}

async fn broker(folder: &Path, readings: usize, rounds: usize) -> Result<BrokerRate, BenchError> {
    let others = Others {
        nodes: CONNECTIONS,
        channels: A_PACK,
    };
    let config = site::config(folder, &format!("rates-{readings}.db"), site::nowhere(), others)?;
    let gateway = Gateway::start(&config, None, Box::new(|_, _| {}))
        .await
        .map_err(|cause| BenchError::Gateway(Box::new(cause)))?;
    let measured = flood(&gateway, readings, rounds).await;
    gateway.stop().await;
    measured
}

/// One round of a flood.
struct Round {
    acked: u64,
    elapsed_s: f64,
}

async fn flood(gateway: &Gateway, readings: usize, wanted: usize) -> Result<BrokerRate, BenchError> {
    let broker = gateway.mqtt.ok_or(BenchError::Node)?;
    let (tell, mut rounds) = mpsc::channel(1);
    background("bench-load", async move {
        let rounds = run_rounds(broker, (readings, wanted), &tell).await;
        if let Err(broken) = rounds {
            // Nobody waiting means that the measurement has ended.
            let _ = tell.send(Err(broken)).await;
        }
    })?;
    let (mut rates, mut acked, mut cpu) = (Vec::new(), 0, None);
    while let Some(round) = rounds.recv().await {
        let round = round.map_err(BenchError::Load)?;
        acked += round.acked;
        // The first round warms up.
        match &cpu {
            None => cpu = Some((machine::own_cpu_s(), acked)),
            Some(_) => rates.push(round.acked as f64 / round.elapsed_s),
        }
    }
    let spent = cpu.and_then(|(before, warm)| Some((machine::own_cpu_s()? - before?, acked - warm)));
    Ok(BrokerRate {
        readings_a_message: readings,
        messages_per_s: Rounds::of(rates),
        readings_lost: lost(&gateway.gauges, acked * readings as u64).await,
        cpu_s_per_million_messages: spent.map(|(seconds, messages)| seconds / messages as f64 * 1e6),
    })
}

async fn run_rounds(
    broker: SocketAddr,
    (readings, rounds): (usize, usize),
    tell: &mpsc::Sender<std::io::Result<Round>>,
) -> std::io::Result<()> {
    let mut connections = Vec::new();
    for node in 0..CONNECTIONS {
        connections.push(Connection::open(broker, Template::pack(&format!("load-{node}"), readings)).await?);
    }
    for _ in 0..=rounds {
        let watch = Stopwatch::start();
        let mut tasks = tokio::task::JoinSet::new();
        for mut connection in connections.drain(..) {
            tasks.spawn(async move {
                let before = connection.acked;
                connection.flood(|| watch.elapsed() < ROUND).await?;
                Ok::<_, std::io::Error>((connection.acked - before, connection))
            });
        }
        let mut acked = 0;
        while let Some(ended) = tasks.join_next().await {
            let (count, connection) = ended.map_err(std::io::Error::other)??;
            acked += count;
            connections.push(connection);
        }
        let elapsed_s = watch.elapsed().as_secs_f64();
        if tell.send(Ok(Round { acked, elapsed_s })).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Readings that were acknowledged and that the engine has not seen after a while.
async fn lost(gauges: &Arc<Gauges>, acknowledged: u64) -> u64 {
    let watch = Stopwatch::start();
    while gauges.readings() < acknowledged && watch.elapsed() < SETTLE_WITHIN {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    acknowledged.saturating_sub(gauges.readings())
}
