//! What would keep a workload from going, seen before it has to: budgets that allow nothing, pods that nobody brings back,
//! data on a node's own disk.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::api::Api;
use super::evict::eviction_version;
use super::kinds::{Budget, Pod};
use super::step::Halt;
use super::words_of;
use crate::hooks::preflight::Answer;
use crate::hooks::side_by_side::ask_all;

/// What is wrong, and what a person does about it.
type Fault = (String, String);

/// The first thing that would keep these pods, whatever budgets say.
pub(super) async fn stuck(api: &Api, pods: &[&Pod]) -> Result<Option<Answer>, Halt> {
    let mut fault = pods.iter().find_map(|pod| by_itself(pod));
    for pod in pods {
        if fault.is_none() {
            fault = by_its_disk(api, pod).await?;
        }
    }
    Ok(fault.map(no))
}

fn no((why, mend): Fault) -> Answer {
    Answer::No { why, mend }
}

fn by_itself(pod: &Pod) -> Option<Fault> {
    if pod.controller().is_none() {
        let why = format!("{} has no controller: nothing would bring it back", pod.name());
        return Some((why, "run it by a Deployment or StatefulSet".into()));
    }
    let on_node = pod.spec.volumes.iter().any(|volume| volume.host_path.is_some());
    let why = format!("{} keeps data on its node (hostPath)", pod.name());
    on_node.then(|| (why, "move the data to a volume that other nodes reach".into()))
}

async fn by_its_disk(api: &Api, pod: &Pod) -> Result<Option<Fault>, Halt> {
    let claims = pod
        .spec
        .volumes
        .iter()
        .filter_map(|volume| volume.persistent_volume_claim.as_ref());
    for claim in claims {
        let (namespace, name) = (&pod.metadata.namespace, &claim.claim_name);
        let at = ["api", "v1", "namespaces", namespace, "persistentvolumeclaims", name];
        let claim: Option<Value> = api.find(&at).await?;
        let volume = claim.as_ref().and_then(|claim| claim["spec"]["volumeName"].as_str());
        let Some(volume) = volume else { continue };
        let found: Option<Value> = api.find(&["api", "v1", "persistentvolumes", volume]).await?;
        let spec = found.map(|mut found| found["spec"].take()).unwrap_or_default();
        if !spec["local"].is_null() || !spec["hostPath"].is_null() {
            let why = format!("{} keeps data on its node (volume {volume} is local)", pod.name());
            let mend = "replicate the data, or stop it in time: let its ladder begin with a failover or stop";
            return Ok(Some((why, mend.into())));
        }
    }
    Ok(None)
}

/// The budgets of every namespace that was asked for, or why they cannot be read.
#[derive(Debug, Default)]
pub(super) struct Budgets(BTreeMap<String, Result<Vec<Budget>, String>>);

impl Budgets {
    /// Each namespace is asked once.
    pub(super) async fn of(api: &Api, namespaces: BTreeSet<&str>) -> Self {
        let version = eviction_version(api).await.map_err(words_of);
        let ask = |namespace: &str| {
            let (api, version, namespace) = (api.clone(), version.clone(), namespace.to_owned());
            async move {
                let version = match &version {
                    Ok(version) => version.rsplit('/').next().unwrap_or("v1"),
                    Err(words) => return (namespace, Err(words.clone())),
                };
                let kind = "poddisruptionbudgets";
                let at = ["apis", "policy", version, "namespaces", &namespace, kind];
                let budgets = api.list(&at, &[]).await.map_err(|cause| words_of(cause.into()));
                (namespace, budgets)
            }
        };
        let answers = ask_all(namespaces.into_iter().map(ask)).await;
        Self(answers.into_iter().flatten().collect())
    }

    /// Of the budgets that protect a pod: two are an error at eviction; one that allows nothing now holds it. What is deleted
    /// or stopped passes them.
    pub(super) fn hold(&self, pods: &[&Pod]) -> Option<Answer> {
        pods.iter().find_map(|pod| match self.0.get(&pod.metadata.namespace)? {
            Ok(budgets) => held(pod, budgets).map(no),
            Err(words) => Some(no((
                format!("its budgets cannot be read: {words}"),
                "let Muster list poddisruptionbudgets there".into(),
            ))),
        })
    }
}

fn held(pod: &Pod, budgets: &[Budget]) -> Option<Fault> {
    let protects = |budget: &&Budget| {
        budget
            .spec
            .selector
            .as_ref()
            .is_some_and(|s| s.chooses(&pod.metadata.labels))
    };
    let its: Vec<&Budget> = budgets.iter().filter(protects).collect();
    match its[..] {
        [] => None,
        [one] if one.status.disruptions_allowed > 0 => None,
        [one] => Some((
            format!(
                "budget {} allows no disruption of {} now",
                one.metadata.name,
                pod.name()
            ),
            "run more replicas than the budget demands, or put a failover rung below the move".into(),
        )),
        [one, two, ..] => Some((
            format!(
                "budgets {} and {} both protect {}",
                one.metadata.name,
                two.metadata.name,
                pod.name()
            ),
            "let one budget alone choose it: no eviction passes two".into(),
        )),
    }
}
