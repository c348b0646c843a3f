//! The same scenarios on a real control plane, which nobody here wrote: `control_plane.sh` says how its binaries are made.
//! MUSTER_KUBERNETES is the folder of them.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Cluster, scenarios};

/// A cold start on a slow machine.
const START: Duration = Duration::from_secs(180);

struct ControlPlane {
    process: Child,
    folder: TempDir,
    cluster: Cluster,
}

impl ControlPlane {
    async fn start() -> Self {
        let binaries = std::env::var("MUSTER_KUBERNETES").expect("MUSTER_KUBERNETES is the folder of kube-apiserver");
        let folder = TempDir::new().unwrap();
        let ports: Vec<String> = (0..3)
            .map(|_| crate::site::acting_site::lasting_port().to_string())
            .collect();
        let kubelets = crate::site::acting_site::lasting_port().to_string();
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("targets/control_plane.sh");
        let mut process = Command::new(script)
            .arg(binaries)
            .arg(folder.path())
            .args(&ports)
            .arg(kubelets)
            .args(["m1=r1", "m2=r1", "m3=r9"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = tokio::time::timeout(START, lines.next_line())
            .await
            .expect("a control plane in time");
        assert_eq!(first.unwrap().as_deref(), Some("ready"));
        let cluster = reached(folder.path(), &ports[2]);
        let plane = Self {
            process,
            folder,
            cluster,
        };
        plane.allow().await;
        plane
    }

    /// What the manifest of the examples grants, and nothing more.
    async fn allow(&self) {
        let manifest = include_str!("../../../../gateway/examples/kubernetes-rbac.yaml").lines();
        let rules = manifest.filter_map(|line| {
            line.trim_start()
                .strip_prefix("- ")
                .filter(|rule| rule.starts_with('{'))
        });
        let rules: Vec<Value> = rules.map(|rule| serde_json::from_str(rule).unwrap()).collect();
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "muster" },
            "rules": rules,
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "muster" },
            "subjects": [{ "kind": "User", "name": "muster", "apiGroup": "rbac.authorization.k8s.io" }],
            "roleRef": { "kind": "ClusterRole", "name": "muster", "apiGroup": "rbac.authorization.k8s.io" },
        });
        self.cluster
            .post("/apis/rbac.authorization.k8s.io/v1/clusterroles", &role)
            .await;
        self.cluster
            .post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding)
            .await;
    }

    /// It lives as long as its stdin is open, also where a test has failed.
    async fn end(mut self) {
        drop(self.process.stdin.take());
        let _ = tokio::time::timeout(START, self.process.wait()).await;
    }

    /// Reached by a certificate, and by no token.
    fn by_certificate(&self) -> Cluster {
        let file = |name: &str| self.folder.path().join(name);
        let identity = Some((file("muster.pem"), file("muster.key")));
        Cluster {
            token_file: None,
            identity,
            ..self.named("by_certificate")
        }
    }

    /// A namespace of its own for one scenario, and after it nodes as they were.
    fn named(&self, name: &str) -> Cluster {
        Cluster {
            namespace: name.replace('_', "-"),
            ..self.cluster.clone()
        }
    }

    async fn tidy(&self, cluster: &Cluster) {
        for kind in ["deployments", "replicasets"] {
            cluster
                .ask(Method::DELETE, &cluster.in_namespace("apis/apps/v1", kind), None)
                .await;
        }
        let now = json!({ "gracePeriodSeconds": 0 });
        let pods = cluster.in_namespace("api/v1", "pods");
        cluster.until_none(&pods, &now).await;
        let open = json!({ "spec": { "unschedulable": null }, "metadata": { "annotations": {
            "muster/cordoned": null, "muster/token": null } } });
        for node in ["m1", "m2", "m3"] {
            cluster.patch(&format!("/api/v1/nodes/{node}"), &open).await;
            let at = format!("/api/v1/nodes/{node}");
            let fresh = |node: &Value| node["spec"]["taints"].is_null();
            cluster.until(&at, "the taint of its cordon is gone", fresh).await;
        }
    }
}

/// As its administrator reaches it.
fn reached(folder: &std::path::Path, port: &str) -> Cluster {
    let ca = folder.join("ca.pem");
    let clients = muster::hooks::Clients::new(Duration::from_secs(2)).unwrap();
    Cluster {
        url: format!("https://127.0.0.1:{}", port),
        client: clients.of(true, Some(&ca)).unwrap(),
        ca: Some(ca),
        admin: Some("admin-token".into()),
        token_file: Some(folder.join("muster.token")),
        identity: None,
        policy: "v1beta1",
        namespace: "none".into(),
    }
}

macro_rules! all_on {
    ($plane:ident: $($name:ident),* $(,)?) => {$({
        let cluster = $plane.named(stringify!($name));
        scenarios::$name(&cluster).await;
        $plane.tidy(&cluster).await;
        println!("ok  {}", stringify!($name));
    })*};
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "heavy: a real control plane, built from Debian's source"]
async fn every_scenario_passes_on_a_real_control_plane() {
    let plane = ControlPlane::start().await;
    every_scenario!(all_on plane:);
    scenarios::a_workload_moves_and_the_cordon_stands_first(&plane.by_certificate()).await;
    plane.end().await;
}
