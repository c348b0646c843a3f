//! Whether the cluster lets us do what a step needs: one SelfSubjectAccessReview a verb.

use std::collections::BTreeSet;

use serde_json::json;

use super::api::{Api, ApiError};
use super::object::Object;
use crate::hooks::preflight::Answer;
use crate::hooks::side_by_side::ask_all;

/// A verb on a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    namespace: String,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    verb: &'static str,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Review {
    status: Verdict,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Verdict {
    allowed: bool,
}

/// What these objects need that we may not do.
pub(super) async fn rights(api: &Api, objects: &[Object]) -> Result<Answer, ApiError> {
    let needed = needed(objects);
    let ask = |right: &Right| {
        let (api, right) = (api.clone(), right.clone());
        async move { allowed(&api, &right).await.map(|allowed| (right, allowed)) }
    };
    let mut missing = Vec::new();
    for answer in ask_all(needed.iter().map(ask)).await.into_iter().flatten() {
        let (right, allowed) = answer?;
        missing.extend((!allowed).then(|| right.to_string()));
    }
    if missing.is_empty() {
        return Ok(Answer::Yes {
            seen: format!("all {} rights that its workloads need", needed.len()),
        });
    }
    Ok(Answer::No {
        why: format!("it may not {}", missing.join("; ")),
        mend: "add these verbs to the ClusterRole of Muster's service account".into(),
    })
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if !self.subresource.is_empty() {
            write!(f, "/{}", self.subresource)?;
        }
        if !self.namespace.is_empty() {
            write!(f, " in {}", self.namespace)?;
        }
        Ok(())
    }
}

fn needed(objects: &[Object]) -> BTreeSet<Right> {
    let mut all = BTreeSet::new();
    let mut need = |namespace: &str, group, path: &'static str, verbs: &[&'static str]| {
        let (resource, subresource) = path.split_once('/').unwrap_or((path, ""));
        all.extend(verbs.iter().map(|verb| Right {
            namespace: namespace.into(),
            group,
            resource,
            subresource,
            verb,
        }));
    };
    need("", "", "nodes", &["list", "get", "patch"]);
    // Room is reckoned over all pods.
    need("", "", "pods", &["list"]);
    for object in objects {
        let namespace = match object {
            Object::Scaled {
                namespace, resource, ..
            } => {
                need(namespace, "apps", resource, &["get", "patch"]);
                namespace
            }
            Object::Pods { namespace, .. } => namespace,
            Object::Node(_) => "",
        };
        need(namespace, "", "pods/eviction", &["create"]);
        need(namespace, "", "pods", &["delete"]);
        need(namespace, "policy", "poddisruptionbudgets", &["list"]);
    }
    all
}

async fn allowed(api: &Api, right: &Right) -> Result<bool, ApiError> {
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "namespace": right.namespace,
            "group": right.group,
            "resource": right.resource,
            "subresource": right.subresource,
            "verb": right.verb,
        } },
    });
    let at = ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"];
    let review: Review = api.ask(&at, &body).await?;
    Ok(review.status.allowed)
}
