//! Whether what has to leave would find room: the scheduler's own questions, asked before it matters. It reads requests,
//! not use; selectors, required affinities and taints; not spreading, pod affinities or volumes.

use std::collections::BTreeMap;

use super::kinds::{Node, Pod, Taint, Term, Toleration};
use super::quantity::thousandths;

/// What a pod asks for, or a node has, by resource, in thousandths.
type Amounts = BTreeMap<String, i128>;

/// A node and what is free on it.
struct Free<'a> {
    node: &'a Node,
    free: Amounts,
}

/// Free room on the nodes that stay.
pub(super) struct Room<'a> {
    nodes: Vec<Free<'a>>,
}

/// Why a pod finds no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Short {
    /// No node that stays may ever take it.
    Never(String),
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
        let open = nodes.filter(|node| node.is_ready() && !node.spec.unschedulable);
        let free = |node: &'a Node| {
            let mut free = amounts(&node.status.allocatable);
            for (resource, n) in used.get(node.metadata.name.as_str()).into_iter().flatten() {
                *free.entry(resource.clone()).or_default() -= n;
            }
            Free { node, free }
        };
        Self {
            nodes: open.map(free).collect(),
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
        let mut allowed = self.nodes.iter_mut().filter(|n| admits(n.node, pod)).peekable();
        if allowed.peek().is_none() {
            let why = "no node that stays may take it (selector, affinity or taints)";
            return Err(Short::Never(format!("{}: {why}", pod.name())));
        }
        let fits = |n: &&mut Free<'_>| {
            wanted
                .iter()
                .all(|(resource, amount)| n.free.get(resource) >= Some(amount))
        };
        let mut ever = false;
        for node in allowed {
            let whole = amounts(&node.node.status.allocatable);
            ever |= wanted
                .iter()
                .all(|(resource, amount)| whole.get(resource) >= Some(amount));
            if fits(&node) {
                for (resource, amount) in &wanted {
                    *node.free.entry(resource.clone()).or_default() -= amount;
                }
                return Ok(());
            }
        }
        let short = format!("{}: no room for {}", pod.name(), shown(&wanted));
        Err(if ever { Short::Now(short) } else { Short::Never(short) })
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
    fn only_nodes_that_may_take_it_count() {
        let tainted = node(
            "a",
            &json!({ "spec": { "taints": [{ "key": "gpu", "value": "x", "effect": "NoSchedule" }] } }),
        );
        let nodes = [tainted, node("b", &json!({ "spec": { "unschedulable": true } }))];
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
