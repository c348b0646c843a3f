//! Of the API's objects, what is read here. Fields that are missing have the API's own defaults.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::hooks::note;

/// What we write beside an object, so that it outlives us.
pub(super) mod mark {
    /// On what a step acts on: the highest fencing token.
    pub(crate) const TOKEN: &str = "muster/token";
    /// On a node: we have cordoned it, for this incident.
    pub(crate) const CORDONED: &str = "muster/cordoned";
    /// On what was scaled to nothing: its replicas before.
    pub(crate) const REPLICAS: &str = "muster/replicas";
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct List<T> {
    #[serde(default)]
    pub(super) metadata: ListMeta,
    // Some servers write null for an empty list.
    #[serde(default = "Vec::new", deserialize_with = "or_none")]
    pub(super) items: Vec<T>,
}

#[derive(Default, Deserialize)]
pub(super) struct ListMeta {
    #[serde(default, rename = "continue")]
    pub(super) next: Option<String>,
}

fn or_none<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Meta {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) owner_references: Vec<Owner>,
    pub(super) deletion_timestamp: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Owner {
    pub(super) kind: String,
    pub(super) controller: bool,
}

/// An answer in words.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) code: u16,
    pub(super) details: Details,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub(super) causes: Vec<Cause>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Cause {
    pub(super) reason: String,
    pub(super) message: String,
}

impl Status {
    /// Of an answer that is none of the API's own: a proxy's, or plain text.
    pub(super) fn unsaid(code: u16, body: &[u8]) -> Self {
        let message = note::clean(body);
        Self {
            code,
            message,
            ..Self::default()
        }
    }

    /// What a disruption budget says, where it is one that refuses.
    pub(super) fn budget(&self) -> Option<&str> {
        let refuses = |cause: &&Cause| cause.reason == "DisruptionBudget";
        self.details
            .causes
            .iter()
            .find(refuses)
            .map(|cause| cause.message.as_str())
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Node {
    pub(super) metadata: Meta,
    pub(super) spec: NodeSpec,
    pub(super) status: NodeStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeSpec {
    pub(super) unschedulable: bool,
    pub(super) taints: Vec<Taint>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Taint {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) effect: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeStatus {
    pub(super) allocatable: BTreeMap<String, String>,
    pub(super) conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    pub(super) r#type: String,
    pub(super) status: String,
    pub(super) reason: String,
}

fn holds(conditions: &[Condition], name: &str) -> bool {
    conditions.iter().any(|c| c.r#type == name && c.status == "True")
}

impl Node {
    pub(super) fn is_ready(&self) -> bool {
        holds(&self.status.conditions, "Ready")
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pod {
    pub(super) metadata: Meta,
    pub(super) spec: PodSpec,
    pub(super) status: PodStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodSpec {
    pub(super) node_name: String,
    pub(super) priority: i64,
    pub(super) preemption_policy: String,
    pub(super) termination_grace_period_seconds: Option<i64>,
    pub(super) node_selector: BTreeMap<String, String>,
    pub(super) affinity: Affinity,
    pub(super) tolerations: Vec<Toleration>,
    pub(super) containers: Vec<Container>,
    pub(super) init_containers: Vec<Container>,
    pub(super) overhead: BTreeMap<String, String>,
    pub(super) volumes: Vec<Volume>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Affinity {
    pub(super) node_affinity: NodeAffinity,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub(super) required: Option<Terms>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Terms {
    pub(super) node_selector_terms: Vec<Term>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Term {
    pub(super) match_expressions: Vec<Expression>,
    pub(super) match_fields: Vec<Expression>,
}

/// One requirement on a label or field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Expression {
    pub(super) key: String,
    pub(super) operator: String,
    pub(super) values: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Toleration {
    pub(super) key: String,
    pub(super) operator: String,
    pub(super) value: String,
    pub(super) effect: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Container {
    pub(super) resources: Resources,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resources {
    pub(super) requests: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Volume {
    pub(super) host_path: Option<serde::de::IgnoredAny>,
    pub(super) persistent_volume_claim: Option<Claimed>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Claimed {
    pub(super) claim_name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodStatus {
    pub(super) phase: String,
    pub(super) conditions: Vec<Condition>,
}

impl Pod {
    /// For people.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.metadata.namespace, self.metadata.name)
    }

    /// It has not ended by itself.
    pub(super) fn is_live(&self) -> bool {
        !matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    pub(super) fn is_ending(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.is_ending() && holds(&self.status.conditions, "Ready")
    }

    /// The scheduler has found no node for it.
    pub(super) fn is_without_a_node(&self) -> bool {
        let found_none =
            |c: &Condition| c.r#type == "PodScheduled" && c.status == "False" && c.reason == "Unschedulable";
        self.spec.node_name.is_empty() && !self.is_ending() && self.status.conditions.iter().any(found_none)
    }

    pub(super) fn controller(&self) -> Option<&Owner> {
        self.metadata.owner_references.iter().find(|owner| owner.controller)
    }

    /// It belongs to its node: a DaemonSet's, or a file's on the node (mirror pods). Both end with the node and come with
    /// the next one.
    pub(super) fn is_of_its_node(&self) -> bool {
        let mirror = self.metadata.annotations.contains_key("kubernetes.io/config.mirror");
        mirror
            || self
                .controller()
                .is_some_and(|owner| matches!(owner.kind.as_str(), "DaemonSet" | "Node"))
    }
}

/// A Deployment, StatefulSet or ReplicaSet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Scaled {
    pub(super) metadata: Meta,
    pub(super) spec: ScaledSpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ScaledSpec {
    pub(super) replicas: Option<i64>,
    pub(super) selector: Selector,
}

impl Scaled {
    /// The API's default is one.
    pub(super) fn wanted(&self) -> i64 {
        self.spec.replicas.unwrap_or(1)
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Selector {
    pub(super) match_labels: BTreeMap<String, String>,
    pub(super) match_expressions: Vec<Expression>,
}

impl Selector {
    /// As a query writes it.
    pub(super) fn query(&self) -> String {
        let labels = self.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
        let expressions = self.match_expressions.iter().map(|e| match e.operator.as_str() {
            "In" => format!("{} in ({})", e.key, e.values.join(",")),
            "NotIn" => format!("{} notin ({})", e.key, e.values.join(",")),
            "DoesNotExist" => format!("!{}", e.key),
            _ => e.key.clone(),
        });
        labels.chain(expressions).collect::<Vec<_>>().join(",")
    }

    /// Whether a set of labels is chosen; an empty selector of a budget chooses all.
    pub(super) fn chooses(&self, labels: &BTreeMap<String, String>) -> bool {
        let equal = self
            .match_labels
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value));
        equal
            && self
                .match_expressions
                .iter()
                .all(|e| e.holds(labels.get(&e.key).map(String::as_str)))
    }
}

impl Expression {
    /// Whether a label's value, or its absence, meets it. What is not known is not met.
    pub(super) fn holds(&self, value: Option<&str>) -> bool {
        let among = || value.is_some_and(|v| self.values.iter().any(|w| w == v));
        let number = |text: Option<&str>| text.and_then(|t| t.parse::<i64>().ok());
        let compared = || number(value).zip(number(self.values.first().map(String::as_str)));
        match self.operator.as_str() {
            "In" => among(),
            "NotIn" => !among(),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            "Gt" => compared().is_some_and(|(a, b)| a > b),
            "Lt" => compared().is_some_and(|(a, b)| a < b),
            _ => false,
        }
    }
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Budget {
    pub(super) metadata: Meta,
    pub(super) spec: BudgetSpec,
    pub(super) status: BudgetStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BudgetSpec {
    pub(super) selector: Option<Selector>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BudgetStatus {
    pub(super) disruptions_allowed: i64,
}
