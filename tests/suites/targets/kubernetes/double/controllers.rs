//! What keeps a cluster going: deployments get their pods, pods a node, readiness and an end, budgets their figures.

use std::time::Duration;

use muster::clock::Stopwatch;
use serde_json::{Value, json};

use super::store::Store;

/// A pod is ready this long after it was given a node.
const STARTS_IN: Duration = Duration::from_millis(150);
/// A second of grace in this cluster.
const GRACE_SECOND: Duration = Duration::from_millis(100);

impl Store {
    /// One look of every controller.
    pub(super) fn turn(&mut self) {
        for path in self.of_kind("deployments") {
            self.keep_deployment(&path);
        }
        for path in self.of_kind("pods") {
            self.keep_pod(&path);
        }
        for path in self.of_kind("poddisruptionbudgets") {
            self.keep_budget(&path);
        }
    }

    fn of_kind(&self, kind: &str) -> Vec<String> {
        let is = |path: &&String| path.rsplit('/').nth(1) == Some(kind);
        self.objects.keys().filter(is).cloned().collect()
    }

    fn keep_deployment(&mut self, path: &str) {
        let deployment = self.objects[path].clone();
        let (name, namespace) = (
            word(&deployment["metadata"]["name"]),
            word(&deployment["metadata"]["namespace"]),
        );
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        let owner = format!("{name}-set");
        let live: Vec<String> = self
            .list(&pods)
            .into_iter()
            .filter(|pod| pod["metadata"]["ownerReferences"][0]["name"] == owner && !is_ending(pod))
            .map(|pod| word(&pod["metadata"]["name"]))
            .collect();
        let wanted = usize::try_from(deployment["spec"]["replicas"].as_u64().unwrap_or(1)).unwrap();
        for _ in live.len()..wanted {
            self.last_name += 1;
            let pod = format!("{owner}-{}", self.last_name);
            let mut spec = deployment["spec"]["template"]["spec"].clone();
            spec["priority"] = spec["priority"].as_i64().unwrap_or(0).into();
            let made = json!({
                "kind": "Pod", "apiVersion": "v1",
                "metadata": { "name": pod, "namespace": namespace,
                              "labels": deployment["spec"]["template"]["metadata"]["labels"],
                              "ownerReferences": [{ "kind": "ReplicaSet", "name": owner, "controller": true }] },
                "spec": spec, "status": { "phase": "Pending" },
            });
            self.put(&format!("{pods}/{pod}"), made);
        }
        for pod in live.iter().skip(wanted) {
            self.begin_end(&format!("{pods}/{pod}"), None);
        }
    }

    fn keep_pod(&mut self, path: &str) {
        let pod = self.objects[path].clone();
        let since = self.since.get(path).map_or(Duration::ZERO, Stopwatch::elapsed);
        if is_ending(&pod) {
            let grace = pod["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(0);
            if since >= GRACE_SECOND * u32::try_from(grace).unwrap() || pod["spec"]["nodeName"].is_null() {
                self.objects.remove(path);
                self.since.remove(path);
            }
        } else if pod["spec"]["nodeName"].is_null() {
            self.schedule(path, &pod);
        } else if !is_ready(&pod) {
            self.since.entry(path.to_owned()).or_insert_with(Stopwatch::start);
            if since >= STARTS_IN {
                let ready = json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] });
                self.edit(path, |pod| pod["status"] = ready);
            }
        }
    }

    fn schedule(&mut self, path: &str, pod: &Value) {
        if let Some(node) = self.best_for(pod) {
            self.edit(path, |pod| {
                pod["spec"]["nodeName"] = node.into();
                pod["status"] = json!({ "phase": "Pending", "conditions": [] });
            });
            self.since.insert(path.to_owned(), Stopwatch::start());
        } else if pod["status"]["conditions"].is_null() {
            let none = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable" });
            self.edit(path, |pod| pod["status"]["conditions"] = json!([none]));
        }
    }

    /// The emptiest node that is ready (one that is not bears a taint for it), takes new pods, has its labels and room for
    /// its processors.
    fn best_for(&self, pod: &Value) -> Option<String> {
        let mut best: Option<(u64, String)> = None;
        for node in self.list("/api/v1/nodes") {
            let name = word(&node["metadata"]["name"]);
            let selector = pod["spec"]["nodeSelector"].as_object().cloned().unwrap_or_default();
            let labelled = selector
                .iter()
                .all(|(key, value)| node["metadata"]["labels"][key] == *value);
            let used = self.cpu_used_m(&name);
            let whole = node["status"]["allocatable"]["cpu"]
                .as_str()
                .and_then(|n| n.parse::<u64>().ok());
            let room = used + cpu_m(pod) <= whole.unwrap_or(0) * 1_000;
            let fits = is_ready(node) && labelled && room && node["spec"]["unschedulable"] != true;
            if fits && best.as_ref().is_none_or(|(least, _)| used < *least) {
                best = Some((used, name));
            }
        }
        best.map(|(_, node)| node)
    }

    fn cpu_used_m(&self, node: &str) -> u64 {
        let pods = self.of_kind("pods").into_iter().map(|path| &self.objects[&path]);
        pods.filter(|pod| pod["spec"]["nodeName"] == node).map(cpu_m).sum()
    }

    /// Gives a pod its grace, or less; one that is ending already may only be given less.
    pub(super) fn begin_end(&mut self, path: &str, grace: Option<u64>) {
        let own = self.objects[path]["spec"]["terminationGracePeriodSeconds"]
            .as_u64()
            .unwrap_or(30);
        let grace = grace.unwrap_or(own);
        let ending = is_ending(&self.objects[path]);
        if !ending {
            self.since.insert(path.to_owned(), Stopwatch::start());
        }
        self.edit(path, |pod| {
            let before = pod["metadata"]["deletionGracePeriodSeconds"]
                .as_u64()
                .unwrap_or(u64::MAX);
            pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
            pod["metadata"]["deletionGracePeriodSeconds"] = grace.min(before).into();
            pod["status"]["conditions"] = json!([{ "type": "Ready", "status": "False" }]);
        });
    }

    fn keep_budget(&mut self, path: &str) {
        let budget = self.objects[path].clone();
        let namespace = word(&budget["metadata"]["namespace"]);
        let pods = self.list(&format!("/api/v1/namespaces/{namespace}/pods"));
        let protected = pods
            .into_iter()
            .filter(|pod| protects(&budget, pod))
            .collect::<Vec<_>>();
        let healthy = protected.iter().filter(|pod| is_ready(pod)).count() as u64;
        let least = budget["spec"]["minAvailable"].as_u64().unwrap_or(0);
        let status = json!({
            "expectedPods": protected.len(), "currentHealthy": healthy, "desiredHealthy": least,
            "disruptionsAllowed": healthy.saturating_sub(least),
        });
        if budget["status"] != status {
            self.edit(path, |budget| budget["status"] = status);
        }
    }
}

pub(super) fn protects(budget: &Value, pod: &Value) -> bool {
    let labels = budget["spec"]["selector"]["matchLabels"].as_object();
    labels.is_some_and(|all| all.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value))
}

pub(super) fn is_ending(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

pub(super) fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    !is_ending(pod) && conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
}

fn cpu_m(pod: &Value) -> u64 {
    let containers = pod["spec"]["containers"].as_array().cloned().unwrap_or_default();
    let asked = |container: &Value| {
        let cpu = container["resources"]["requests"]["cpu"]
            .as_str()
            .unwrap_or("0")
            .to_owned();
        cpu.strip_suffix('m')
            .map_or_else(|| cpu.parse::<u64>().unwrap_or(0) * 1_000, |m| m.parse().unwrap())
    };
    containers.iter().map(asked).sum()
}

pub(super) fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
