//! The gateway that is measured, what decides and its hook: one trial after the other, each from a clear room.

use std::path::Path;
use std::time::Duration;

use muster_core::{Event, EventKind, Input, Millis, Verb, Verdict};
use tokio::sync::{mpsc, oneshot};

use super::BenchError;
use super::node::Node;
use super::receiver::{Receipt, Receiver};
use super::site::{self, Others};
use super::trigger::{Devices, Trigger};
use crate::clock::Stopwatch;
use crate::config::Config;
use crate::engine::Listener;
use crate::gateway::Gateway;
use crate::lanes::Control;

/// What a trial waits for comes within this, or the measurement has failed. Neighbours may keep the disk from it for a while.
const STEP_WITHIN: Duration = Duration::from_secs(60);
/// A vote returns 30 min after its channel is clear; a little more.
const VOTE_RETURNS_MS: Millis = 31 * 60_000;
/// The first calls open the connection to the hook and warm everything up.
const WARM_UP: usize = 5;

/// One trial.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    /// Published → webhook fully received.
    pub(super) total: Duration,
    /// The commit that the call waited for.
    pub(super) commit: Duration,
    /// Published → vote cast.
    pub(super) decide: Duration,
    /// Vote cast → intent durable, less the commit itself.
    pub(super) journal: Duration,
    /// Intent durable → webhook fully received.
    pub(super) call: Duration,
}

/// What the gateway says while a trial goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Voted,
    Called,
    Done,
    Clear,
}

/// A gateway and the world around it.
pub(super) struct Stand {
    pub(super) gateway: Gateway,
    trigger: Trigger,
    receiver: Receiver,
    stages: mpsc::Receiver<(Stage, Duration)>,
    trial: usize,
    gap: Gap,
}

impl Stand {
    /// One that a node speaks to, with so many other nodes in the config; warmed up.
    pub(super) async fn heard(folder: &Path, journal: &str, others: Others) -> Result<Self, BenchError> {
        let watch = Stopwatch::start();
        let receiver = Receiver::start(watch).await?;
        let config = site::config(folder, journal, receiver.address, others)?;
        let connect = async |gateway: &Gateway| {
            let broker = gateway.mqtt.ok_or(BenchError::Node)?;
            Ok(Trigger::node(Node::connect(broker, "node-1", watch).await?))
        };
        Self::start(config, (receiver, watch), connect).await
    }

    /// One that polls these devices, the first of which has the alarm; warmed up.
    pub(super) async fn polling(folder: &Path, journal: &str, devices: &Devices) -> Result<Self, BenchError> {
        let watch = Stopwatch::start();
        let receiver = Receiver::start(watch).await?;
        let config = site::polled(folder, journal, receiver.address, &devices.addresses)?;
        let contact = devices.contact.clone();
        Self::start(config, (receiver, watch), async |_: &Gateway| {
            Ok(Trigger::contact(contact, watch))
        })
        .await
    }

    async fn start(
        config: Config,
        (receiver, watch): (Receiver, Stopwatch),
        trigger: impl AsyncFnOnce(&Gateway) -> Result<Trigger, BenchError>,
    ) -> Result<Self, BenchError> {
        let (listener, stages) = listener(watch);
        let gateway = Gateway::start(&config, None, listener)
            .await
            .map_err(|cause| BenchError::Gateway(Box::new(cause)))?;
        receiver.read_commits_of(&gateway.gauges);
        let mut stand = Self {
            trigger: trigger(&gateway).await?,
            gateway,
            receiver,
            stages,
            trial: 0,
            gap: Gap::default(),
        };
        stand.trials(WARM_UP).await?;
        Ok(stand)
    }

    /// So many trials, one after the other.
    pub(super) async fn trials(&mut self, trials: usize) -> Result<Vec<Trial>, BenchError> {
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
        let raised = self.trigger.set(true).await?;
        let receipt = tokio::time::timeout(STEP_WITHIN, self.receiver.receipts.recv()).await;
        let Ok(Some(Receipt { at, commit_us })) = receipt else {
            return Err(self.missed("no webhook"));
        };
        let voted = self.stage(Stage::Voted, "no vote").await?;
        let called = self.stage(Stage::Called, "no call").await?;
        self.stage(Stage::Done, "no end of the step").await?;
        let commit = Duration::from_micros(commit_us);
        Ok(Trial {
            total: at.saturating_sub(raised),
            commit,
            decide: voted.saturating_sub(raised),
            journal: called.saturating_sub(voted + commit),
            call: at.saturating_sub(called),
        })
    }

    /// Clear again, the vote returned, the incident closed by two persons.
    async fn reset(&mut self) -> Result<(), BenchError> {
        self.trigger.set(false).await?;
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
        let (least, most) = self.trigger.pause();
        self.gap.pause(least, most).await;
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
}

/// Pauses of random length, so that no trial falls into step with anything periodic; the same ones in every run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap(u64);

impl Default for Gap {
    fn default() -> Self {
        Self(1)
    }
}

impl Gap {
    /// Waits for `least` to `most`.
    pub(super) async fn pause(&mut self, least: Duration, most: Duration) {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let spread_us = u64::try_from((most - least).as_micros()).unwrap_or(u64::MAX).max(1);
        tokio::time::sleep(least + Duration::from_micros((self.0 >> 33) % spread_us)).await;
    }
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
        EventKind::Channel if event.line.contains(" clear of ") || event.line.contains(" is off for ") => {
            Some(Stage::Clear)
        }
        _ => None,
    }
}
