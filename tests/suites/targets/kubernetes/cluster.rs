//! A cluster with three nodes: `m1` and `m2` on rack `r1`, `m3` elsewhere. As its administrator sees it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use muster::clock::Stopwatch;
use muster::config::{HookWay, KubernetesTarget, Places};
use reqwest::Method;
use serde_json::{Value, json};

use crate::targets::attempts::{Bench, SOON};

/// How a cluster is reached.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) url: String,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) admin: Option<String>,
    pub(crate) token_file: Option<PathBuf>,
    /// Our certificate and its key, instead of a token.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    pub(crate) client: reqwest::Client,
    /// Of the budgets, `policy/v1` or `policy/v1beta1`.
    pub(crate) policy: &'static str,
    /// Every scenario has a namespace of its own.
    pub(crate) namespace: String,
}

impl Cluster {
    /// Status and body.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.url))
            .timeout(SOON);
        if let Some(admin) = &self.admin {
            request = request.bearer_auth(admin);
        }
        let kind = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        if let Some(body) = body {
            request = request.header("content-type", kind).body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null),
        )
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None).await.1
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) {
        let (status, answer) = self.ask(Method::POST, path, Some(body)).await;
        assert_eq!(status, 201, "{path}: {answer}");
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) {
        let (status, answer) = self.ask(Method::PATCH, path, Some(body)).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }

    /// A path below the namespace.
    pub(crate) fn in_namespace(&self, group: &str, rest: &str) -> String {
        format!("/{group}/namespaces/{}/{rest}", self.namespace)
    }

    /// The namespace itself.
    pub(crate) async fn begin(&self) {
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.namespace } });
        self.post("/api/v1/namespaces", &body).await;
    }

    /// A deployment whose pods all stand where the node selector says, and are ready.
    pub(crate) async fn deployment(&self, name: &str, replicas: usize, cpu: &str, more: &Value) {
        let mut spec = json!({
            "terminationGracePeriodSeconds": 2,
            "containers": [{ "name": "c", "image": "x", "resources": { "requests": { "cpu": cpu } } }],
        });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
            "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": name } },
                      "template": { "metadata": { "labels": { "app": name } }, "spec": spec } },
        });
        self.post(&self.in_namespace("apis/apps/v1", "deployments"), &body)
            .await;
        self.until_ready(name, replicas).await;
    }

    /// Its pods land on the doomed nodes, because the third is closed meanwhile.
    pub(crate) async fn doomed_deployment(&self, name: &str, replicas: usize) {
        self.set_closed("m3", true).await;
        self.deployment(name, replicas, "100m", &json!({})).await;
        self.set_closed("m3", false).await;
    }

    pub(crate) async fn set_closed(&self, node: &str, closed: bool) {
        let closed = if closed { json!(true) } else { Value::Null };
        self.patch(
            &format!("/api/v1/nodes/{node}"),
            &json!({ "spec": { "unschedulable": closed } }),
        )
        .await;
    }

    pub(crate) async fn is_closed(&self, node: &str) -> bool {
        self.get(&format!("/api/v1/nodes/{node}")).await["spec"]["unschedulable"] == true
    }

    /// A budget for the pods of a deployment, once the cluster has reckoned with it.
    pub(crate) async fn budget(&self, name: &str, app: &str, least: usize) {
        let group = format!("apis/policy/{}", self.policy);
        let body = json!({
            "apiVersion": format!("policy/{}", self.policy), "kind": "PodDisruptionBudget", "metadata": { "name": name },
            "spec": { "minAvailable": least, "selector": { "matchLabels": { "app": app } } },
        });
        self.post(&self.in_namespace(&group, "poddisruptionbudgets"), &body)
            .await;
        let path = self.in_namespace(&group, &format!("poddisruptionbudgets/{name}"));
        self.until(&path, "the budget is reckoned", |budget| {
            budget["status"]["expectedPods"].as_u64() > Some(0)
        })
        .await;
    }

    pub(crate) async fn set_budget(&self, name: &str, least: usize) {
        let path = self.in_namespace(
            &format!("apis/policy/{}", self.policy),
            &format!("poddisruptionbudgets/{name}"),
        );
        self.patch(&path, &json!({ "spec": { "minAvailable": least } })).await;
    }

    /// Name and node of each pod that has not been told to end.
    pub(crate) async fn pods(&self, app: &str) -> BTreeMap<String, String> {
        let path = self.in_namespace("api/v1", &format!("pods?labelSelector=app%3D{app}"));
        let list = self.get(&path).await;
        let live = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        live.map(|pod| (text(&pod["metadata"]["name"]), text(&pod["spec"]["nodeName"])))
            .collect()
    }

    /// The nodes on which its pods are, with one for each pod.
    pub(crate) async fn nodes_of(&self, app: &str) -> Vec<String> {
        let mut nodes: Vec<String> = self.pods(app).await.into_values().collect();
        nodes.sort();
        nodes
    }

    pub(crate) async fn scaled(&self, name: &str) -> Value {
        self.get(&self.in_namespace("apis/apps/v1", &format!("deployments/{name}")))
            .await
    }

    pub(crate) async fn until_ready(&self, name: &str, replicas: usize) {
        let path = self.in_namespace("api/v1", &format!("pods?labelSelector=app%3D{name}"));
        let is_ready = |pod: &&Value| {
            let conditions = pod["status"]["conditions"].as_array();
            conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
        };
        let what = format!("{replicas} pods of {name} are ready");
        self.until(&path, &what, |list| {
            list["items"]
                .as_array()
                .is_some_and(|items| items.iter().filter(is_ready).count() == replicas)
        })
        .await;
    }

    /// Deletes a whole collection, until it is empty.
    pub(crate) async fn until_none(&self, path: &str, options: &Value) {
        let since = Stopwatch::start();
        while self.get(path).await["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty())
        {
            assert!(since.elapsed() < SOON, "{path} is not empty");
            self.ask(Method::DELETE, path, Some(options)).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn until(&self, path: &str, what: &str, holds: impl Fn(&Value) -> bool) {
        let since = Stopwatch::start();
        loop {
            let found = self.get(path).await;
            if holds(&found) {
                return;
            }
            assert!(since.elapsed() < SOON, "not within {SOON:?}: {what}: {found:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How Muster reaches it.
    pub(crate) fn target(&self) -> KubernetesTarget {
        let names = |nodes: &[&str]| nodes.iter().map(|node| (*node).to_owned()).collect::<Vec<_>>();
        KubernetesTarget {
            url: self.url.clone(),
            ca: self.ca.clone(),
            token_file: self.token_file.clone(),
            identity: self.identity.clone(),
            allow_loopback: true,
            places: Places {
                racks: BTreeMap::from([("r1".to_owned(), names(&["m1", "m2"]))]),
                destinations: BTreeMap::from([("busan".to_owned(), names(&["m3"]))]),
            },
            ..KubernetesTarget::default()
        }
    }

    /// The target with a workload that is called so.
    pub(crate) fn bench(&self, object: &str) -> Bench {
        Self::bench_of(self.target(), object)
    }

    pub(crate) fn bench_of(target: KubernetesTarget, object: &str) -> Bench {
        Bench::new(HookWay::Kubernetes(Box::new(target)), object)
    }

    /// What a deployment of the namespace is called.
    pub(crate) fn object(&self, name: &str) -> String {
        format!("{}/Deployment/{name}", self.namespace)
    }
}
