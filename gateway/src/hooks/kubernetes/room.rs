//! Whether what has to leave would find room: the scheduler's own questions, asked before it matters. It reads requests,
//! not use; selectors, required affinities and taints; not spreading, pod affinities or volumes.

use std::collections::BTreeMap;

use super::kinds::{Node, Pod, Taint, Term, Toleration};
use super::quantity::thousandths;
use crate::hooks::stock::{Amounts, Piece};

/// A node and what is free on it.
struct Free<'a> {
    node: &'a Node,
    free: Amounts,
}

/// Free room on the nodes that stay.
pub(super) struct Room<'a> {
    nodes: Vec<Free<'a>>,
    /// Nodes that stay and have none to give now: not ready, or closed.
    shut: Vec<&'a Node>,
}

/// Why a pod finds no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Short {
    /// No node that stays may ever take it.
    Never(String),
    /// Only nodes that are not ready, or closed, might.
    Wait(String),
    /// There is not enough room now; more nodes, or pods that make way, may change that.
    Now(String),
}

impl<'a> Room<'a> {
    /// Of these nodes, with all pods of the cluster. A node that is not ready, or takes nothing new, has none.
    pub(super) fn of(nodes: impl Iterator<Item = &'a Node>, pods: &[Pod]) -> Self {
        let mut used: BTreeMap<&str, Amounts> = BTreeMap::new();
        for pod in pods.iter().filter(|pod| pod.is_live()) {
            add(used.entry(&pod.spec.node_name).or_default(), &asked(pod));
        }
        let is_open = |node: &&Node| node.is_ready() && !node.spec.unschedulable;
        let (open, shut): (Vec<&Node>, Vec<&Node>) = nodes.partition(is_open);
        let free = |node: &'a Node| {
            let mut free = amounts(&node.status.allocatable);
            for (resource, n) in used.get(node.metadata.name.as_str()).into_iter().flatten() {
                *free.entry(resource.clone()).or_default() -= n;
            }
            Free { node, free }
        };
        Self {
            nodes: open.into_iter().map(free).collect(),
            shut,
        }
    }

    /// Takes room for all of these, the largest first; the first that finds none says why.
    pub(super) fn take(&mut self, pods: &[&Pod]) -> Result<(), Short> {
        let mut pods = pods.to_vec();
        pods.sort_by_cached_key(|pod| std::cmp::Reverse(asked(pod).into_iter().collect::<Vec<_>>()));
        pods.into_iter().try_for_each(|pod| self.take_one(pod))
    }

    fn take_one(&mut self, pod: &Pod) -> Result<(), Short> {
        let wanted = asked(pod);
        let mut ever = false;
        for node in self.nodes.iter_mut().filter(|n| admits(n.node, pod)) {
            ever |= covers(&amounts(&node.node.status.allocatable), &wanted);
            if covers(&node.free, &wanted) {
                for (resource, amount) in &wanted {
                    *node.free.entry(resource.clone()).or_default() -= amount;
                }
                return Ok(());
            }
        }
        Err(self.why_not(pod, &wanted, ever))
    }

    /// `ever`: there would be room on an empty node.
    fn why_not(&self, pod: &Pod, wanted: &Amounts, ever: bool) -> Short {
        let (name, wants) = (pod.name(), shown(wanted));
        let might = |node: &&&Node| may_open_for(node, pod) && covers(&amounts(&node.status.allocatable), wanted);
        if let Some(node) = self.shut.iter().find(might) {
            let node = &node.metadata.name;
            Short::Wait(format!("{name}: no room for {wants}; {node} is not ready or closed"))
        } else if ever {
            Short::Now(format!("{name}: no room for {wants}"))
        } else {
            let why = "no node that stays may take it (selector, affinity, taints or size)";
            Short::Never(format!("{name}: {why}; it wants {wants}"))
        }
    }

    /// What each node that may take something has free.
    pub(super) fn free(&self) -> BTreeMap<String, Amounts> {
        let free = |node: &Free<'_>| (node.node.metadata.name.clone(), node.free.clone());
        self.nodes.iter().map(free).collect()
    }

    /// What a pod takes, and which of these nodes may ever take it.
    pub(super) fn piece(&self, pod: &Pod) -> Piece {
        let takes = asked(pod);
        let may = |node: &&Free<'_>| admits(node.node, pod) && covers(&amounts(&node.node.status.allocatable), &takes);
        let only = self
            .nodes
            .iter()
            .filter(may)
            .map(|node| node.node.metadata.name.clone());
        Piece {
            only: Some(only.collect()),
            takes,
        }
    }

    /// What is free in all, for people.
    pub(super) fn seen(&self) -> String {
        let mut all = Amounts::new();
        self.nodes.iter().for_each(|node| add(&mut all, &node.free));
        format!("{} free on {} nodes", shown(&all), self.nodes.len())
    }
}

/// What a pod asks for: its containers together, or the largest of those that run before them (the API's own rule), and
/// one place.
fn asked(pod: &Pod) -> Amounts {
    let mut sum = Amounts::new();
    for container in &pod.spec.containers {
        add(&mut sum, &amounts(&container.resources.requests));
    }
    for container in &pod.spec.init_containers {
        for (resource, n) in amounts(&container.resources.requests) {
            let before = sum.entry(resource).or_default();
            *before = n.max(*before);
        }
    }
    add(&mut sum, &amounts(&pod.spec.overhead));
    sum.retain(|_, n| *n > 0);
    sum.insert("pods".into(), 1_000);
    sum
}

fn amounts(from: &BTreeMap<String, String>) -> Amounts {
    let read = |(resource, amount): (&String, &String)| Some((resource.clone(), thousandths(amount)?));
    from.iter().filter_map(read).collect()
}

fn add(to: &mut Amounts, more: &Amounts) {
    for (resource, n) in more {
        let sum = to.entry(resource.clone()).or_default();
        *sum = sum.saturating_add(*n);
    }
}

fn shown(amounts: &Amounts) -> String {
    let of = |resource: &str| amounts.get(resource).copied().unwrap_or_default();
    let mi = of("memory") / (1_000 << 20);
    format!("cpu {}m, memory {mi}Mi, {} pods", of("cpu"), of("pods") / 1_000)
}

fn covers(there: &Amounts, wanted: &Amounts) -> bool {
    wanted
        .iter()
        .all(|(resource, amount)| there.get(resource) >= Some(amount))
}

/// As [`admits`], once the node is ready and open again: the taints of its condition go with it.
fn may_open_for(node: &Node, pod: &Pod) -> bool {
    let mut node = node.clone();
    node.spec
        .taints
        .retain(|taint| !taint.key.starts_with("node.kubernetes.io/"));
    admits(&node, pod)
}

/// Whether the scheduler may put a pod on a node at all.
fn admits(node: &Node, pod: &Pod) -> bool {
    let labels = &node.metadata.labels;
    let selected = pod
        .spec
        .node_selector
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value));
    let terms = pod.spec.affinity.node_affinity.required.as_ref();
    let wanted = terms.is_none_or(|terms| terms.node_selector_terms.iter().any(|term| meets(node, term)));
    let repels = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    let mut taints = node.spec.taints.iter().filter(repels);
    selected && wanted && taints.all(|taint| pod.spec.tolerations.iter().any(|t| tolerates(t, taint)))
}

/// A term without any requirement chooses nothing.
fn meets(node: &Node, term: &Term) -> bool {
    let by_label = term
        .match_expressions
        .iter()
        .all(|e| e.holds(node.metadata.labels.get(&e.key).map(String::as_str)));
    let by_field = term
        .match_fields
        .iter()
        .all(|e| e.key == "metadata.name" && e.holds(Some(&node.metadata.name)));
    let empty = term.match_expressions.is_empty() && term.match_fields.is_empty();
    !empty && by_label && by_field
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.is_empty() || toleration.effect == taint.effect;
    let exists = toleration.operator == "Exists";
    let key = toleration.key == taint.key || toleration.key.is_empty() && exists;
    effect && key && (exists || toleration.value == taint.value)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(name: &str, more: &Value) -> Node {
        let mut whole = json!({
            "metadata": { "name": name, "labels": { "disk": "ssd" } },
            "status": { "allocatable": { "cpu": "2", "memory": "4Gi", "pods": "10" },
                        "conditions": [{ "type": "Ready", "status": "True" }] },
        });
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    fn pod(name: &str, cpu: &str, spec: &Value) -> Pod {
        let mut whole = json!({ "containers": [{ "resources": { "requests": { "cpu": cpu } } }] });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        serde_json::from_value(json!({ "metadata": { "namespace": "prod", "name": name }, "spec": whole })).unwrap()
    }

    fn take(nodes: &[Node], there: &[Pod], pods: &[Pod]) -> Result<(), Short> {
        Room::of(nodes.iter(), there).take(&pods.iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_is_there_already_takes_room() {
        let nodes = [node("a", &json!({})), node("b", &json!({}))];
        let there = [pod("x", "1500m", &json!({ "nodeName": "a" }))];
        let two = [pod("y", "1", &json!({})), pod("z", "500m", &json!({}))];
        assert_eq!(take(&nodes, &there, &two), Ok(()));
        let large = [pod("y", "1", &json!({})), pod("z", "1500m", &json!({}))];
        assert!(matches!(take(&nodes, &there, &large), Err(Short::Now(why)) if why.contains("prod/y")));
        let huge = [pod("y", "3", &json!({}))];
        assert!(matches!(take(&nodes, &[], &huge), Err(Short::Never(_))));
    }

    #[test]
    fn a_node_that_may_come_back_is_waited_for() {
        let closed = json!({ "unschedulable": true,
                             "taints": [{ "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule" }] });
        let nodes = [node("a", &json!({ "spec": closed }))];
        let found = take(&nodes, &[], &[pod("y", "1", &json!({}))]);
        assert!(matches!(found, Err(Short::Wait(why)) if why.contains("a is not ready or closed")));
        let elsewhere = pod("y", "1", &json!({ "nodeSelector": { "disk": "hdd" } }));
        assert!(matches!(take(&nodes, &[], &[elsewhere]), Err(Short::Never(_))));
    }

    #[test]
    fn only_nodes_that_may_take_it_count() {
        let tainted = node(
            "a",
            &json!({ "spec": { "taints": [{ "key": "gpu", "value": "x", "effect": "NoSchedule" }] } }),
        );
        let nodes = [tainted];
        for (spec, fits) in [
            (json!({}), false),
            (json!({ "tolerations": [{ "key": "gpu", "operator": "Exists" }] }), true),
            (
                json!({ "tolerations": [{ "key": "gpu", "value": "y", "effect": "NoSchedule" }] }),
                false,
            ),
            (
                json!({ "tolerations": [{ "operator": "Exists" }], "nodeSelector": { "disk": "hdd" } }),
                false,
            ),
            (
                json!({ "tolerations": [{ "operator": "Exists" }], "nodeSelector": { "disk": "ssd" } }),
                true,
            ),
        ] {
            let found = take(&nodes, &[], &[pod("y", "1", &spec)]);
            assert_eq!(found.is_ok(), fits, "{spec}");
            assert!(fits || matches!(found, Err(Short::Never(_))), "{spec}");
        }
    }

    #[test]
    fn required_affinities_are_asked_of_the_node() {
        let nodes = [node("a", &json!({}))];
        for (operator, values, fits) in [
            ("In", json!(["ssd", "nvme"]), true),
            ("NotIn", json!(["ssd"]), false),
            ("Exists", json!([]), true),
            ("DoesNotExist", json!([]), false),
        ] {
            let term = json!({ "matchExpressions": [{ "key": "disk", "operator": operator, "values": values }] });
            let affinity = json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution":
                                   { "nodeSelectorTerms": [term] } } });
            let pinned = pod("y", "1", &json!({ "affinity": affinity }));
            assert_eq!(take(&nodes, &[], &[pinned]).is_ok(), fits, "{operator}");
        }
    }
}
