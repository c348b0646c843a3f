//! Deciding message published → webhook fully received, and where the time goes.

use std::path::Path;
use std::time::Duration;

use muster_core::{Event, EventKind, Input, Millis, Verb, Verdict};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::load::Connection;
use super::node::{CLEAR, Node, SMOKE};
use super::receiver::{Receipt, Receiver};
use super::site::{self, Others};
use super::stats::Quantiles;
use super::{BenchError, Goal, background};
use crate::clock::Stopwatch;
use crate::engine::Listener;
use crate::gateway::Gateway;
use crate::lanes::Control;

/// What a trial waits for comes within this, or the measurement has failed.
const STEP_WITHIN: Duration = Duration::from_secs(10);
/// A vote returns 30 min after its channel is clear; a little more.
const VOTE_RETURNS_MS: Millis = 31 * 60_000;
/// Nodes that make other traffic.
const OTHER_NODES: usize = 4;
/// Readings that make up the other traffic, of design §11. A second.
const OTHER_READINGS: u64 = 20_000;
/// Packs of the other traffic hold so many readings: a few sensors of one board, as real nodes send; and one, the hardest.
const OTHER_PACKS: [usize; 2] = [10, 1];
/// The other traffic comes in this grain.
const OTHER_EVERY: Duration = Duration::from_millis(1);

/// One row of latencies.
#[derive(Clone, Debug, Serialize)]
pub struct Latency {
    /// Readings a second of other traffic that were really sent; 0 when quiet.
    pub beside_readings_per_s: u64,
    /// Readings in each message of it; 0 when quiet.
    pub beside_readings_a_message: usize,
    /// Published → webhook fully received.
    pub total_us: Quantiles,
    /// The commit of the same trials.
    pub commit_us: Quantiles,
    /// Total less commit, trial by trial.
    pub less_commit_us: Quantiles,
    /// Published → vote cast.
    pub decide_us: Quantiles,
    /// Vote cast → intent durable, less the commit itself.
    pub journal_us: Quantiles,
    /// Intent durable → webhook fully received.
    pub call_us: Quantiles,
    /// Of design §11.
    pub goals: Vec<Goal>,
}

/// One trial.
#[derive(Clone, Copy, Debug)]
struct Trial {
    total: Duration,
    commit: Duration,
    decide: Duration,
    journal: Duration,
    call: Duration,
}

/// What the gateway says while a trial goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Voted,
    Called,
    Done,
    Clear,
}

/// The quiet row and those beside other traffic.
pub(super) async fn measure(folder: &Path, trials: usize) -> Result<Vec<Latency>, BenchError> {
    let mut stand = Stand::start(folder).await?;
    let measured = stand.rows(trials).await;
    stand.gateway.stop().await;
    measured
}

struct Stand {
    gateway: Gateway,
    node: Node,
    receiver: Receiver,
    stages: mpsc::Receiver<(Stage, Duration)>,
    trial: usize,
    gap: u64,
}

impl Stand {
    async fn start(folder: &Path) -> Result<Self, BenchError> {
        let watch = Stopwatch::start();
        let receiver = Receiver::start(watch).await?;
        let others = Others {
            nodes: OTHER_NODES * OTHER_PACKS.len(),
            channels: OTHER_PACKS[0],
        };
        let config = site::config(folder, "latency.db", receiver.address, others)?;
        let (listener, stages) = listener(watch);
        let gateway = Gateway::start(&config, None, listener)
            .await
            .map_err(|cause| BenchError::Gateway(Box::new(cause)))?;
        receiver.read_commits_of(&gateway.gauges);
        let broker = gateway.mqtt.ok_or(BenchError::Node)?;
        Ok(Self {
            node: Node::connect(broker, watch).await?,
            gateway,
            receiver,
            stages,
            trial: 0,
            gap: 1,
        })
    }

    async fn rows(&mut self, trials: usize) -> Result<Vec<Latency>, BenchError> {
        // The first calls open the connection to the hook and warm everything up.
        self.trials(5).await?;
        let mut rows = vec![Latency::quiet(&self.trials(trials).await?)];
        for (turn, readings) in OTHER_PACKS.into_iter().enumerate() {
            let traffic = self.traffic(turn * OTHER_NODES, readings).await?;
            let measured = self.trials(trials.div_ceil(4)).await?;
            rows.push(Latency::beside(&measured, readings, traffic.end().await?));
        }
        Ok(rows)
    }

    async fn trials(&mut self, trials: usize) -> Result<Vec<Trial>, BenchError> {
        let mut measured = Vec::with_capacity(trials);
        for _ in 0..trials {
            self.trial += 1;
            measured.push(self.one().await?);
            self.reset().await?;
            self.settle().await?;
        }
        Ok(measured)
    }

    async fn one(&mut self) -> Result<Trial, BenchError> {
        let published = self.node.say(SMOKE).await?;
        let receipt = tokio::time::timeout(STEP_WITHIN, self.receiver.receipts.recv()).await;
        let Ok(Some(Receipt { at, commit_us })) = receipt else {
            return Err(self.missed("no webhook"));
        };
        let voted = self.stage(Stage::Voted, "no vote").await?;
        let called = self.stage(Stage::Called, "no call").await?;
        self.stage(Stage::Done, "no end of the step").await?;
        let commit = Duration::from_micros(commit_us);
        Ok(Trial {
            total: at.saturating_sub(published),
            commit,
            decide: voted.saturating_sub(published),
            journal: called.saturating_sub(voted + commit),
            call: at.saturating_sub(called),
        })
    }

    /// Clear again, the vote returned, the incident closed by two persons.
    async fn reset(&mut self) -> Result<(), BenchError> {
        self.node.say(CLEAR).await?;
        self.stage(Stage::Clear, "the channel was not clear").await?;
        self.gateway.clock.advance_ms(VOTE_RETURNS_MS);
        // The engine ends only with the gateway; then the orders say so.
        let _ = self.gateway.lanes.control.send(Control::Input(Input::Tick)).await;
        self.order("anna", Verdict::Pending).await?;
        self.order("ben", Verdict::Taken).await
    }

    async fn order(&self, person: &str, expected: Verdict) -> Result<(), BenchError> {
        let (answer, answered) = oneshot::channel();
        let order = Control::Order {
            by: person.into(),
            verb: Verb::Reset,
            answer,
        };
        // As above.
        let _ = self.gateway.lanes.control.send(order).await;
        match tokio::time::timeout(STEP_WITHIN, answered).await {
            Ok(Ok(answer)) if answer.verdict == expected => Ok(()),
            Ok(Ok(answer)) => Err(BenchError::Reset {
                trial: self.trial,
                why: answer.why,
            }),
            _ => Err(self.missed("no answer to the reset")),
        }
    }

    /// Waits until the reset is on disk, then for a random while, so that no trial falls into step with anything periodic.
    async fn settle(&mut self) -> Result<(), BenchError> {
        let waited = Stopwatch::start();
        while self.gateway.gauges.journal_waiting() > 0 {
            if waited.elapsed() > STEP_WITHIN {
                return Err(self.missed("the reset was not on disk"));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.gap = self.gap.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        tokio::time::sleep(Duration::from_micros(5_000 + (self.gap >> 33) % 10_000)).await;
        Ok(())
    }

    async fn stage(&mut self, wanted: Stage, what: &'static str) -> Result<Duration, BenchError> {
        let wait = async {
            loop {
                match self.stages.recv().await {
                    Some((stage, at)) if stage == wanted => return Some(at),
                    Some(_) => {}
                    None => return None,
                }
            }
        };
        let came = tokio::time::timeout(STEP_WITHIN, wait).await;
        came.ok().flatten().ok_or_else(|| self.missed(what))
    }

    fn missed(&self, what: &'static str) -> BenchError {
        BenchError::Trial {
            trial: self.trial,
            what,
            within_s: STEP_WITHIN.as_secs(),
        }
    }

    /// Starts the other traffic.
    async fn traffic(&self, first_node: usize, readings: usize) -> Result<Traffic, BenchError> {
        let broker = self.gateway.mqtt.ok_or(BenchError::Node)?;
        let (stop, stopped) = oneshot::channel();
        let (tell, ended) = oneshot::channel();
        let (up, is_up) = oneshot::channel();
        let nodes = first_node..first_node + OTHER_NODES;
        background("bench-load", async move {
            // Nobody waiting means that the measurement has ended.
            let _ = tell.send(pace(broker, nodes, readings, up, stopped).await);
        })?;
        // Without a word the end tells why.
        let _ = is_up.await;
        Ok(Traffic {
            began: Stopwatch::start(),
            stop,
            ended,
            readings,
        })
    }
}

/// Other traffic that is under way.
struct Traffic {
    began: Stopwatch,
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<std::io::Result<u64>>,
    readings: usize,
}

impl Traffic {
    /// Ends it; readings a second that it came to.
    async fn end(self) -> Result<u64, BenchError> {
        // It may have broken off already; then its end says why.
        let _ = self.stop.send(());
        let elapsed = self.began.elapsed().as_secs_f64();
        let gone = || BenchError::Load(std::io::ErrorKind::BrokenPipe.into());
        let packs = self.ended.await.map_err(|_| gone())?.map_err(BenchError::Load)?;
        Ok((packs as f64 * self.readings as f64 / elapsed) as u64)
    }
}

/// Sends at the wanted pace until it is told to stop; how many packs.
async fn pace(
    broker: std::net::SocketAddr,
    nodes: std::ops::Range<usize>,
    readings: usize,
    up: oneshot::Sender<()>,
    mut stopped: oneshot::Receiver<()>,
) -> std::io::Result<u64> {
    let mut connections = Vec::new();
    for node in nodes {
        connections.push(Connection::open(broker, &format!("load-{node}"), readings).await?);
    }
    // Whoever waited may have gone: then the stop comes at once.
    let _ = up.send(());
    let (began, mut sent) = (Stopwatch::start(), 0);
    let mut tick = tokio::time::interval(OTHER_EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = &mut stopped => break,
        }
        let readings_due = began.elapsed().as_micros() * u128::from(OTHER_READINGS) / 1_000_000;
        let due = u64::try_from(readings_due).unwrap_or(u64::MAX) / readings as u64;
        let share = (due - sent) / connections.len() as u64;
        for connection in connections.iter_mut().filter(|_| share > 0) {
            connection.send(share).await?;
            sent += share;
        }
    }
    for connection in &mut connections {
        connection.finish().await?;
    }
    Ok(sent)
}

/// Stamps what the engine says; a full queue is a trial that has failed already.
fn listener(watch: Stopwatch) -> (Listener, mpsc::Receiver<(Stage, Duration)>) {
    let (tell, stages) = mpsc::channel(1_024);
    let listener = Box::new(move |_, event: &Event| {
        if let Some(stage) = stage_of(event) {
            let _ = tell.try_send((stage, watch.elapsed()));
        }
    });
    (listener, stages)
}

fn stage_of(event: &Event) -> Option<Stage> {
    match event.kind {
        EventKind::Vote if event.line.contains(" votes: ") => Some(Stage::Voted),
        EventKind::Step if event.line.starts_with("called") => Some(Stage::Called),
        EventKind::Step if event.line.starts_with("done") => Some(Stage::Done),
        EventKind::Channel if event.line.contains("clear of") => Some(Stage::Clear),
        _ => None,
    }
}

impl Latency {
    fn quiet(trials: &[Trial]) -> Self {
        let mut row = Self::of(trials);
        row.goals = vec![
            Goal {
                goal: "quiet, less commit: p50 at most 1 ms",
                met: row.less_commit_us.p50 <= 1_000,
            },
            Goal {
                goal: "quiet, less commit: p99 at most 3 ms",
                met: row.less_commit_us.p99 <= 3_000,
            },
        ];
        row
    }

    fn beside(trials: &[Trial], readings: usize, per_s: u64) -> Self {
        let mut row = Self::of(trials);
        row.beside_readings_per_s = per_s;
        row.beside_readings_a_message = readings;
        row.goals = vec![Goal {
            goal: "beside 20,000 readings/s, less commit: p99 at most 10 ms",
            met: row.less_commit_us.p99 <= 10_000,
        }];
        row
    }

    fn of(trials: &[Trial]) -> Self {
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let quantiles = |part: fn(&Trial) -> Duration| Quantiles::of(trials.iter().map(|trial| us(part(trial))));
        Self {
            beside_readings_per_s: 0,
            beside_readings_a_message: 0,
            total_us: quantiles(|trial| trial.total),
            commit_us: quantiles(|trial| trial.commit),
            less_commit_us: quantiles(|trial| trial.total.saturating_sub(trial.commit)),
            decide_us: quantiles(|trial| trial.decide),
            journal_us: quantiles(|trial| trial.journal),
            call_us: quantiles(|trial| trial.call),
            goals: Vec::new(),
        }
    }
}
