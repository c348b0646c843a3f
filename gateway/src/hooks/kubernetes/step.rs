//! One attempt at one step: what it is about, and how errors become outcomes. The parts of it are in the files beside.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muster_core::{Call, HookOutcome, Mode, Phase, RungKind};
use serde_json::json;

use super::api::{Api, ApiError};
use super::ground::Ground;
use super::kinds::{Meta, Pod, Scaled, mark};
use super::object::{FORMS, Object};
use crate::clock::Clock;
use crate::config::KubernetesTarget;
use crate::counters::{Cause, Counters};
use crate::hooks::underway::Say;

/// Pause between two looks at what is under way.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Of so many looks at the workload, one is at the nodes too.
const LOOK_AROUND: u32 = 10;

/// One attempt.
pub(super) struct Step {
    pub(super) api: Api,
    pub(super) target: KubernetesTarget,
    pub(super) call: Call,
    pub(super) object: Object,
    /// Racks that lose their power; none: all.
    pub(super) lost: Option<Vec<String>>,
    pub(super) ground: Mutex<Arc<Ground>>,
    pub(super) clock: Clock,
    /// Id of the hook, by which is counted.
    pub(super) hook: String,
    pub(super) counters: Counters,
    pub(super) say: Say,
}

/// Why an attempt goes no further.
pub(super) enum Halt {
    /// It has ended.
    Outcome(HookOutcome),
    /// A call had no effect.
    Api(ApiError),
}

impl From<ApiError> for Halt {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// A certain no.
pub(super) fn cannot(note: String) -> Halt {
    Halt::Outcome(HookOutcome::Cannot { note })
}

/// Not yet.
pub(super) fn retry(cause: String) -> Halt {
    Halt::Outcome(HookOutcome::Retry { cause })
}

/// What a workload is called there.
pub(super) fn object_of(called: &str) -> Result<Object, Halt> {
    Object::parse(called).ok_or_else(|| cannot(format!("object `{called}` is unknown: {FORMS}")))
}

/// The nodes as they are now, some racks of them doomed, for what leaves for another site.
pub(super) async fn seen(
    api: &Api,
    target: &KubernetesTarget,
    doomed: Option<&[String]>,
    for_site: Option<&str>,
) -> Result<Ground, Halt> {
    let nodes = api.list(&["api", "v1", "nodes"], &[]).await?;
    Ok(Ground::of(target, nodes, doomed, for_site))
}

/// The site that a workload leaves for by this step, if it does.
pub(super) fn leaves_for(call: &Call) -> Option<&str> {
    let leaves = matches!(call.phase, Phase::Evacuate | Phase::Verify) && !call.asks_home();
    call.destination.as_deref().filter(|_| leaves)
}

/// A workload's pods, and what keeps them.
pub(super) struct Work {
    pub(super) scaled: Option<Scaled>,
    pub(super) pods: Vec<Pod>,
}

impl Step {
    /// Carries the phase out.
    pub(super) async fn carry_out(&self) -> Result<HookOutcome, Halt> {
        match (self.call.phase, self.call.rung) {
            (Phase::Prepare, _) => self.cordon().await.map(|()| HookOutcome::Done),
            (Phase::Evacuate, rung) => {
                self.close_what_closes(rung).await?;
                match rung {
                    RungKind::Move => self.evict().await,
                    RungKind::Failover => self.replace().await,
                    RungKind::Stop => self.stop().await,
                }
            }
            (Phase::Verify, _) => self.verify().await,
            (Phase::Restore, _) => self.restore().await,
        }
    }

    /// The evacuation does not wait for a cordon that cannot be had: a stop needs none, and what moves goes on as long as there
    /// is a node that takes it.
    async fn close_what_closes(&self, rung: RungKind) -> Result<(), Halt> {
        let Err(halt) = self.cordon().await else {
            return Ok(());
        };
        let ground = self.ground();
        let mut safe = ground.safe(&self.target, leaves_for(&self.call));
        if rung != RungKind::Stop && !safe.any(|node| node.is_ready() && !node.spec.unschedulable) {
            return Err(halt);
        }
        let cause = match &halt {
            Halt::Api(error) => super::cause_of(error),
            Halt::Outcome(_) => Cause::HookStatus,
        };
        let line = super::words_of(halt);
        tracing::warn!(hook = self.hook, step = self.call.step, line, "no cordon");
        self.counters.count(cause, &self.hook, &line);
        Ok(())
    }

    pub(super) fn is_drill(&self) -> bool {
        self.call.mode == Mode::Drill
    }

    /// The workload as it is now. Without what keeps its pods there is no such workload.
    pub(super) async fn look(&self) -> Result<Work, Halt> {
        look(&self.api, &self.object).await
    }

    /// The nodes as they were last seen.
    pub(super) fn ground(&self) -> Arc<Ground> {
        Arc::clone(&self.ground.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the nodes again, every tenth time: one may have died meanwhile, or come.
    pub(super) async fn look_around(&self, look: u32) -> Result<(), Halt> {
        if look.is_multiple_of(LOOK_AROUND) {
            let ground = seen(&self.api, &self.target, self.lost.as_deref(), leaves_for(&self.call)).await?;
            *self.ground.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(ground);
        }
        Ok(())
    }

    /// As [`Step::left`], without those that were told to end on a node that does not answer: it cannot confirm their end,
    /// and whether they run elsewhere is what the probe asks.
    pub(super) fn left_alive<'a>(&self, work: &'a Work) -> Vec<&'a Pod> {
        let ground = self.ground();
        let mut left = self.left(work);
        left.retain(|pod| !pod.is_ending() || ground.answers(&pod.spec.node_name));
        left
    }

    /// Pods that have to go: on a doomed node, and not of that node itself.
    pub(super) fn left<'a>(&self, work: &'a Work) -> Vec<&'a Pod> {
        let stays = |pod: &&Pod| pod.is_live() && !pod.is_of_its_node();
        let (ground, pods) = (self.ground(), work.pods.iter().filter(stays));
        let mut left: Vec<_> = pods.filter(|pod| ground.is_doomed(&pod.spec.node_name)).collect();
        left.sort_by_key(|pod| std::cmp::Reverse(pod.spec.priority));
        left
    }

    /// Marks what the step acts on with its token; a higher one there is another gateway's, or a later rung's.
    pub(super) async fn fence(&self) -> Result<(), Halt> {
        let Some(at) = self.object.place().filter(|_| !self.is_drill()) else {
            return Ok(());
        };
        for _ in 0..3 {
            let Some(Marked { metadata }) = self.api.find(&at).await? else {
                return Err(self.no_such());
            };
            let there: u64 = metadata
                .annotations
                .get(mark::TOKEN)
                .and_then(|t| t.parse().ok())
                .unwrap_or(0);
            if there > self.call.token {
                return Err(Halt::Outcome(HookOutcome::TokenRefused));
            }
            if there == self.call.token {
                return Ok(());
            }
            let ours = json!({ "metadata": {
                "resourceVersion": metadata.resource_version,
                "annotations": { mark::TOKEN: self.call.token.to_string() },
            } });
            match self.api.patch::<Marked>(&at, &ours).await {
                Ok(_) => return Ok(()),
                Err(error) if error.code() == Some(409) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(retry("its mark is changed by others all the time".into()))
    }

    pub(super) fn no_such(&self) -> Halt {
        no_such(&self.object)
    }

    /// Passes on how far it is, and pauses. Where nobody hears it any more it is dropped by whoever waits for that.
    pub(super) async fn pause(&self, left: usize, of: usize) {
        let gone = of.saturating_sub(left) * 100 / of.max(1);
        let percent = u8::try_from(gone).ok();
        let _ = self.say.send(HookOutcome::Running { percent }).await;
        tokio::time::sleep(LOOK_EVERY).await;
    }

    /// Engine milliseconds until the step has to have ended.
    pub(super) fn left_ms(&self) -> i64 {
        self.call.deadline - self.clock.now()
    }
}

/// Whatever carries a mark.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Marked {
    metadata: Meta,
}

pub(super) fn no_such(object: &Object) -> Halt {
    cannot(format!("there is no such object: {object:?}"))
}

/// A workload as it is now.
pub(super) async fn look(api: &Api, object: &Object) -> Result<Work, Halt> {
    match object {
        Object::Scaled { namespace, .. } => {
            let at = object.place().unwrap_or_default();
            let found: Option<Scaled> = api.find(&at).await?;
            let scaled = found.ok_or_else(|| no_such(object))?;
            let labels = scaled.spec.selector.query();
            let pods = api.pods(Some(namespace), &[("labelSelector", &labels)]).await?;
            Ok(Work {
                scaled: Some(scaled),
                pods,
            })
        }
        Object::Pods { namespace, labels } => {
            let pods = api.pods(Some(namespace), &[("labelSelector", labels)]).await?;
            Ok(Work { scaled: None, pods })
        }
        Object::Node(name) => {
            let field = format!("spec.nodeName={name}");
            let pods = api.pods(None, &[("fieldSelector", &field)]).await?;
            Ok(Work { scaled: None, pods })
        }
    }
}
