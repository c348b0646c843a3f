//! The objects, each with its version: `resourceVersion` rises with every change of anything.

use std::collections::BTreeMap;

use muster::clock::Stopwatch;
use serde_json::{Value, json};

/// All objects by their path.
#[derive(Default)]
pub(crate) struct Store {
    pub(super) objects: BTreeMap<String, Value>,
    pub(super) version: u64,
    pub(super) last_name: u64,
    /// Since when a pod is as it is: running, or ending.
    pub(super) since: BTreeMap<String, Stopwatch>,
}

impl Store {
    pub(super) fn add_node(&mut self, name: &str, rack: &str) {
        let node = json!({
            "kind": "Node", "apiVersion": "v1",
            "metadata": { "name": name, "labels": { "topology.kubernetes.io/rack": rack, "kubernetes.io/hostname": name } },
            "spec": {},
            "status": { "allocatable": { "cpu": "4", "memory": "8Gi", "pods": "110" },
                        "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady" }] },
        });
        self.put(&format!("/api/v1/nodes/{name}"), node);
    }

    /// Stores it with a new version, and an identity where it has none.
    pub(super) fn put(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        let meta = &mut object["metadata"];
        meta["resourceVersion"] = self.version.to_string().into();
        if meta["uid"].is_null() {
            meta["uid"] = format!("uid-{}", self.version).into();
        }
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    /// Objects directly below a collection's path; of a namespaced kind also those of all namespaces.
    pub(super) fn list(&self, collection: &str) -> Vec<&Value> {
        let (group, kind) = collection.rsplit_once('/').unwrap_or_default();
        let fits = |path: &str| {
            let Some((parent, _)) = path.rsplit_once('/') else {
                return false;
            };
            let in_all = parent
                .strip_prefix(group)
                .and_then(|rest| rest.strip_prefix("/namespaces/"));
            parent == collection || in_all.is_some_and(|rest| rest.split_once('/').is_some_and(|(_, k)| k == kind))
        };
        self.objects
            .iter()
            .filter(|(path, _)| fits(path))
            .map(|(_, object)| object)
            .collect()
    }

    /// Changes an object in place.
    pub(super) fn edit(&mut self, path: &str, edit: impl FnOnce(&mut Value)) {
        if let Some(mut object) = self.objects.get(path).cloned() {
            edit(&mut object);
            self.put(path, object);
        }
    }
}

/// RFC 7396.
pub(super) fn merge(into: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    let into = into.as_object_mut().unwrap();
    for (key, value) in patch {
        if value.is_null() {
            into.remove(key);
        } else {
            merge(into.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Whether labels carry every `key=value` of a selector.
pub(super) fn chooses(selector: &str, labels: &Value) -> bool {
    let mut parts = selector.split(',').filter(|part| !part.is_empty());
    parts.all(|part| {
        part.split_once('=')
            .is_some_and(|(key, value)| labels[key.trim_end_matches('=')] == value)
    })
}
