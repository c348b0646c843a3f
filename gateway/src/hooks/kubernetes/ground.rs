//! Which nodes lose their power, and which stay: racks in the words of the cluster.

use std::collections::BTreeSet;

use super::kinds::Node;
use crate::config::KubernetesTarget;

/// The nodes of a cluster, as a step sees them.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub(super) nodes: Vec<Node>,
    /// Names of those on which nothing may land, and from which everything has to go.
    pub(super) doomed: BTreeSet<String>,
}

impl Ground {
    /// `doomed` are racks of this site; none: all of it. A node of this site whose rack nobody knows is doomed as soon as
    /// any rack is: whether it keeps its power cannot be said. What leaves `for_site` leaves all of this one: a pod on another
    /// of its racks has not gone anywhere.
    pub(super) fn of(
        target: &KubernetesTarget,
        nodes: Vec<Node>,
        doomed: Option<&[String]>,
        for_site: Option<&str>,
    ) -> Self {
        let stays_behind = |node: &Node| {
            let is_there = |to| nodes_at(target, to).is_some_and(|there| there.contains(&node.metadata.name));
            is_ours(target, node) && for_site.is_some_and(|to| !is_there(to))
        };
        let is_doomed = |node: &&Node| match doomed {
            _ if stays_behind(node) => true,
            None => is_ours(target, node),
            Some(racks) => {
                let its = racks_of(target, node);
                let lost = its.iter().any(|rack| racks.iter().any(|r| r == rack));
                lost || !racks.is_empty() && its.is_empty() && is_ours(target, node)
            }
        };
        // One of the config that the cluster does not know is gone already.
        let doomed = nodes
            .iter()
            .filter(is_doomed)
            .map(|n| n.metadata.name.clone())
            .collect();
        Self { nodes, doomed }
    }

    pub(super) fn is_doomed(&self, node: &str) -> bool {
        self.doomed.contains(node)
    }

    /// Whether a node answers; one that the cluster does not know does not.
    pub(super) fn answers(&self, node: &str) -> bool {
        let found = self.nodes.iter().find(|n| n.metadata.name == node);
        found.is_some_and(Node::is_ready)
    }

    /// Nodes that stay, of a destination where it is known which these are.
    pub(super) fn safe<'a>(
        &'a self,
        target: &'a KubernetesTarget,
        destination: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Node> {
        let fits = move |node: &&Node| self.is_safe(target, destination, &node.metadata.name);
        self.nodes.iter().filter(fits)
    }

    /// Whether what runs on a node has gone where it should: to a node of the destination, where it is known which these are.
    pub(super) fn is_safe(&self, target: &KubernetesTarget, destination: Option<&str>, node: &str) -> bool {
        let there = destination.and_then(|to| nodes_at(target, to));
        !self.is_doomed(node) && there.is_none_or(|there| there.iter().any(|n| n == node))
    }

    /// Whether the cluster knows any node of a rack, or the config says that it has some.
    pub(super) fn knows(&self, target: &KubernetesTarget, rack: &str) -> bool {
        let on_it = |node: &Node| racks_of(target, node).contains(&rack);
        target.places.racks.contains_key(rack) || self.nodes.iter().any(on_it)
    }
}

/// Nodes of a destination, where the config names any.
fn nodes_at<'a>(target: &'a KubernetesTarget, to: &str) -> Option<&'a [String]> {
    let there = target.places.destinations.get(to).map(Vec::as_slice);
    there.filter(|there| !there.is_empty())
}

/// Whether a node stands in this site.
pub(super) fn is_ours(target: &KubernetesTarget, node: &Node) -> bool {
    let by_label = target
        .site_label
        .as_ref()
        .is_some_and(|(key, value)| node.metadata.labels.get(key) == Some(value));
    by_label || named(target, node).next().is_some()
}

/// The racks of a node of this site: as the config says, else by its label.
pub(super) fn racks_of<'a>(target: &'a KubernetesTarget, node: &'a Node) -> Vec<&'a str> {
    let told: Vec<&str> = named(target, node).collect();
    if !told.is_empty() || !is_ours(target, node) {
        return told;
    }
    let label = target
        .rack_label
        .as_ref()
        .and_then(|label| node.metadata.labels.get(label));
    label.map(String::as_str).into_iter().collect()
}

fn named<'a>(target: &'a KubernetesTarget, node: &'a Node) -> impl Iterator<Item = &'a str> {
    let holds = |nodes: &Vec<String>| nodes.contains(&node.metadata.name);
    target
        .places
        .racks
        .iter()
        .filter(move |(_, nodes)| holds(nodes))
        .map(|(rack, _)| rack.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Places;

    fn node(name: &str, labels: &[(&str, &str)]) -> Node {
        let mut node = Node::default();
        node.metadata.name = name.into();
        node.metadata.labels = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        node
    }

    fn nodes() -> Vec<Node> {
        vec![
            node("a", &[("site", "here"), ("rack", "r1")]),
            node("b", &[("site", "here"), ("rack", "r2")]),
            node("c", &[("site", "here")]),
            // The other site numbers its racks alike.
            node("d", &[("site", "there"), ("rack", "r1")]),
            node("e", &[]),
        ]
    }

    fn doomed(target: &KubernetesTarget, racks: Option<&[&str]>) -> Vec<String> {
        let racks: Option<Vec<String>> = racks.map(|racks| racks.iter().map(|r| (*r).into()).collect());
        Ground::of(target, nodes(), racks.as_deref(), None)
            .doomed
            .into_iter()
            .collect()
    }

    #[test]
    fn racks_by_label_are_those_of_this_site_alone() {
        let target = KubernetesTarget {
            rack_label: Some("rack".into()),
            site_label: Some(("site".into(), "here".into())),
            ..KubernetesTarget::default()
        };
        assert_eq!(doomed(&target, None), ["a", "b", "c"]);
        assert_eq!(doomed(&target, Some(&["r1"])), ["a", "c"], "c may be on any rack");
        assert!(doomed(&target, Some(&[])).is_empty());
    }

    #[test]
    fn what_leaves_for_another_site_is_safe_on_no_node_of_this_one() {
        let mut target = KubernetesTarget {
            rack_label: Some("rack".into()),
            site_label: Some(("site".into(), "here".into())),
            ..KubernetesTarget::default()
        };
        let safe = |target: &KubernetesTarget, to| {
            let ground = Ground::of(target, nodes(), Some(&["r1".into()]), to);
            let safe = ground.safe(target, to).map(|node| node.metadata.name.clone());
            safe.collect::<String>()
        };
        assert_eq!(safe(&target, None), "bde", "nowhere to go, it may stay on another rack");
        assert_eq!(safe(&target, Some("busan")), "de");
        let there = |nodes: &[&str]| [("busan".to_owned(), nodes.iter().map(|n| (*n).to_owned()).collect())].into();
        target.places.destinations = there(&["d", "a"]);
        assert_eq!(safe(&target, Some("busan")), "d");
        target.places.destinations = there(&[]);
        assert_eq!(safe(&target, Some("busan")), "de");
    }

    #[test]
    fn racks_by_name_go_before_labels() {
        let racks = BTreeMap::from([("r1".to_owned(), vec!["e".to_owned(), "b".to_owned()])]);
        let target = KubernetesTarget {
            places: Places {
                racks,
                ..Places::default()
            },
            ..KubernetesTarget::default()
        };
        assert_eq!(doomed(&target, None), ["b", "e"]);
        assert_eq!(doomed(&target, Some(&["r1"])), ["b", "e"]);
        assert!(doomed(&target, Some(&["r2"])).is_empty());
    }
}
