//! Making pods leave: by eviction, which heeds disruption budgets, or by deletion, which does not. Their controller makes
//! new ones elsewhere, because the doomed nodes are closed.

use muster_core::HookOutcome;

use super::api::ApiError;
use super::kinds::{Pod, Status};
use super::room::{Room, Short};
use super::step::{Halt, Step, Work, cannot, leaves_for, retry};

/// What one round through the pods came to.
#[derive(Default)]
struct Round {
    /// Pods that were told to leave now, or are leaving.
    leaving: usize,
    /// What a budget, or the API itself, said against it: not now.
    held: Option<String>,
}

/// How a pod is told to leave.
enum Way {
    /// With the API's version of the eviction.
    Evict(String),
    Delete,
}

impl Step {
    /// Rung `move`: evicts what stands on doomed nodes, and asks again where a budget refuses.
    pub(super) async fn evict(&self) -> Result<HookOutcome, Halt> {
        let version = eviction_version(&self.api).await?;
        self.send_away(&Way::Evict(version)).await
    }

    /// Rung `failover`: deletes it. What its budget protects is interrupted, and lives.
    pub(super) async fn replace(&self) -> Result<HookOutcome, Halt> {
        self.send_away(&Way::Delete).await
    }

    async fn send_away(&self, way: &Way) -> Result<HookOutcome, Halt> {
        let mut most = 0;
        for look in 1.. {
            self.fence().await?;
            self.look_around(look).await?;
            let work = self.look().await?;
            let left = self.left_alive(&work);
            if left.is_empty() {
                break;
            }
            if most == 0 {
                self.check_way(&left).await?;
            }
            most = most.max(left.len());
            let round = self.round(&left, way).await?;
            if let Some(held) = round.held {
                self.check_patience(&held)?;
                // With nothing on its way this attempt is over: its words are shown, and it is called again in seconds.
                if round.leaving == 0 || self.is_drill() {
                    return Err(retry(held));
                }
            } else if self.is_drill() {
                return Ok(HookOutcome::Done);
            }
            self.pause(left.len(), most).await;
        }
        Ok(HookOutcome::Done)
    }

    /// Before anything is told to leave: whether it would come back, and where.
    async fn check_way(&self, left: &[&Pod]) -> Result<(), Halt> {
        if let Some(bare) = left.iter().find(|pod| pod.controller().is_none()) {
            return Err(cannot(format!(
                "{} has no controller: nothing would bring it back",
                bare.name()
            )));
        }
        let waits: Vec<&Pod> = left.iter().copied().filter(|pod| !pod.is_ending()).collect();
        let all = self.api.pods(None, &[]).await?;
        let to = leaves_for(&self.call);
        match Room::of(self.ground().safe(&self.target, to), &all).take(&waits) {
            Ok(()) => Ok(()),
            Err(Short::Never(why)) => Err(cannot(why)),
            Err(Short::Now(why) | Short::Wait(why)) if self.target.autoscales => {
                tracing::info!(step = self.call.step, why, "room is short, and nodes are added");
                Ok(())
            }
            Err(Short::Wait(why)) => Err(retry(why)),
            Err(Short::Now(why)) if waits.iter().all(|pod| makes_way(pod)) => {
                tracing::info!(step = self.call.step, why, "room is short, and others make way");
                Ok(())
            }
            Err(Short::Now(why)) => Err(cannot(why)),
        }
    }

    async fn round(&self, left: &[&Pod], way: &Way) -> Result<Round, Halt> {
        let mut round = Round::default();
        for pod in left {
            if pod.is_ending() {
                round.leaving += 1;
                continue;
            }
            let told = match way {
                Way::Evict(version) => self.api.evict(pod, version).await,
                Way::Delete => self.api.delete(pod, self.grace_s(pod)).await,
            };
            match told.map_err(|error| against(pod, error)) {
                Ok(()) => round.leaving += 1,
                Err(Against::Gone) => {}
                Err(Against::NotNow(why)) => round.held = round.held.or(Some(why)),
                Err(Against::Halt(halt)) => return Err(*halt),
            }
        }
        Ok(round)
    }

    /// A pod's own grace, or what is left of the time where that is less. Seconds.
    pub(super) fn grace_s(&self, pod: &Pod) -> Option<i64> {
        let left_s = self.left_ms() / 1_000;
        let own_s = pod.spec.termination_grace_period_seconds.unwrap_or(30);
        (left_s < own_s).then(|| left_s.max(1))
    }

    /// How long a refusal is put up with: as the config says, else until the decision gives the rung up.
    fn check_patience(&self, held: &str) -> Result<(), Halt> {
        match self.target.pdb_until_ms {
            Some(until) if self.left_ms() <= until => Err(cannot(format!("too late to go on asking: {held}"))),
            _ => Ok(()),
        }
    }
}

/// Why a pod was not told to leave.
enum Against {
    Gone,
    NotNow(String),
    Halt(Box<Halt>),
}

fn against(pod: &Pod, error: ApiError) -> Against {
    let ApiError::Refused(status) = &error else {
        return Against::Halt(Box::new(error.into()));
    };
    match status.code {
        // It has gone, or another of its name has come: the next look tells.
        404 | 409 => Against::Gone,
        429 => Against::NotNow(waits(pod, status)),
        500 if status.message.contains("PodDisruptionBudget") => {
            Against::Halt(Box::new(cannot(format!("{}: {}", pod.name(), status.message))))
        }
        _ => Against::Halt(Box::new(error.into())),
    }
}

fn waits(pod: &Pod, status: &Status) -> String {
    let why = status.budget().map_or_else(|| status.message.clone(), str::to_owned);
    format!("{} waits: {why}", pod.name())
}

/// Whether the scheduler would make room for it.
fn makes_way(pod: &Pod) -> bool {
    pod.spec.priority > 0 && pod.spec.preemption_policy != "Never"
}

#[derive(serde::Deserialize)]
struct Resources {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(serde::Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Resource {
    name: String,
    group: String,
    version: String,
}

/// Which eviction this API speaks: `policy/v1` since 1.22, `policy/v1beta1` before.
pub(super) async fn eviction_version(api: &super::api::Api) -> Result<String, Halt> {
    let found: Resources = api.get(&["api", "v1"]).await?;
    let eviction = found.resources.into_iter().find(|r| r.name == "pods/eviction");
    match eviction {
        Some(one) if !one.version.is_empty() => Ok(format!("{}/{}", one.group, one.version)),
        Some(_) => Ok("policy/v1".into()),
        None => Err(cannot("this API evicts nothing: it has no pods/eviction".into())),
    }
}

impl Work {
    /// Pods that stand elsewhere already: where the step takes them, if it takes them anywhere.
    pub(super) fn elsewhere<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = &'a Pod> {
        let to = leaves_for(&step.call);
        let there = move |pod: &&Pod| {
            let node = &pod.spec.node_name;
            !node.is_empty() && step.ground().is_safe(&step.target, to, node)
        };
        self.pods
            .iter()
            .filter(|pod| pod.is_live() && !pod.is_of_its_node())
            .filter(there)
    }
}
