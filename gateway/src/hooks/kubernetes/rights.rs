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
        mend: "add these verbs to the ClusterRole of Muster's service account: gateway/examples/kubernetes-rbac.yaml has all"
            .into(),
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
        // Whether a pod's data lies on its node alone.
        need(namespace, "", "persistentvolumeclaims", &["get"]);
        need("", "", "persistentvolumes", &["get"]);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Rule {
        api_groups: Vec<String>,
        resources: Vec<String>,
        verbs: Vec<String>,
    }

    /// Group, resource with its part, verb.
    type Verb = (String, String, String);

    /// As the manifest grants them; each of its rules stands on a line of its own.
    fn granted() -> BTreeSet<Verb> {
        let lines = include_str!("../../../examples/kubernetes-rbac.yaml").lines();
        let rules = lines.filter_map(|line| {
            line.trim_start()
                .strip_prefix("- ")
                .filter(|rule| rule.starts_with('{'))
        });
        let mut all = BTreeSet::new();
        for rule in rules {
            let rule: Rule = serde_json::from_str(rule).unwrap();
            for (group, resource) in rule
                .api_groups
                .iter()
                .flat_map(|g| rule.resources.iter().map(move |r| (g, r)))
            {
                let verbs = rule
                    .verbs
                    .iter()
                    .map(|verb| (group.clone(), resource.clone(), verb.clone()));
                all.extend(verbs);
            }
        }
        all
    }

    #[test]
    fn the_manifest_grants_what_is_asked_for_and_nothing_more() {
        let objects = [
            "shop/Deployment/web",
            "shop/StatefulSet/db",
            "shop/ReplicaSet/old",
            "shop/pods/app=web",
            "node/m1",
        ];
        let objects: Vec<Object> = objects.iter().map(|object| Object::parse(object).unwrap()).collect();
        let asked = needed(&objects).into_iter().map(|right| {
            let part = if right.subresource.is_empty() {
                String::new()
            } else {
                format!("/{}", right.subresource)
            };
            (
                right.group.to_owned(),
                format!("{}{part}", right.resource),
                right.verb.to_owned(),
            )
        });
        assert_eq!(asked.collect::<BTreeSet<_>>(), granted());
    }
}
