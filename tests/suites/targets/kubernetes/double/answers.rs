//! What each request is answered.

use std::collections::BTreeMap;

use axum::http::{Method, Uri};
use serde_json::{Value, json};

use super::World;
use super::controllers::{is_ending, is_ready, protects, word};
use super::store::{Store, chooses, merge};

/// What can be listed.
const COLLECTIONS: [&str; 5] = ["nodes", "pods", "deployments", "poddisruptionbudgets", "namespaces"];

/// Code and body.
pub(super) type Answer = (u16, Value);

/// A `Status` that says no.
pub(super) fn status(code: u16, reason: &str, message: &str) -> Answer {
    let body = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                       "message": message, "reason": reason, "code": code });
    (code, body)
}

pub(super) fn of(world: &World, method: &Method, uri: &Uri, kind: &str, body: &Value) -> Answer {
    let query: BTreeMap<String, String> = pairs(uri.query().unwrap_or_default());
    let path = uri.path();
    if path.ends_with("/selfsubjectaccessreviews") {
        return review(world, body);
    }
    if let Some(what) = forbidden(world, method, path) {
        return status(
            403,
            "Forbidden",
            &format!("{what} is forbidden: User \"muster\" cannot do that"),
        );
    }
    let store = &mut *world.store.lock().unwrap();
    let dry = query.get("dryRun").is_some_and(|all| all == "All");
    match (method.as_str(), path) {
        ("GET", "/readyz") => (200, "ok".into()),
        ("GET", "/api/v1") => (200, discovery()),
        ("GET", _) if store.objects.contains_key(path) => (200, store.objects[path].clone()),
        ("GET", _) => list(store, path, &query),
        ("POST", _) if path.ends_with("/eviction") => evict(store, path.trim_end_matches("/eviction"), body, dry),
        ("POST", _) => create(store, path, body),
        ("PATCH", _) if kind == "application/merge-patch+json" => patch(store, path, body, dry),
        ("PATCH", _) => status(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format",
        ),
        ("DELETE", _) => delete(store, path, body, dry),
        _ => status(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ),
    }
}

fn pairs(query: &str) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://x/?{query}")).unwrap();
    url.query_pairs()
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

fn discovery() -> Value {
    json!({ "kind": "APIResourceList", "groupVersion": "v1", "resources": [
        { "name": "pods", "namespaced": true, "kind": "Pod", "verbs": ["list"] },
        { "name": "pods/eviction", "namespaced": true, "group": "policy", "version": "v1", "kind": "Eviction",
          "verbs": ["create"] },
    ] })
}

fn review(world: &World, body: &Value) -> Answer {
    let asked = &body["spec"]["resourceAttributes"];
    let forbidden = world.forbidden.lock().unwrap();
    let is = |(verb, resource): &(&str, &str)| {
        let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
        asked["verb"] == *verb && asked["resource"] == resource && asked["subresource"].as_str().unwrap_or("") == sub
    };
    let mut answer = body.clone();
    answer["status"] = json!({ "allowed": !forbidden.iter().any(is) });
    (201, answer)
}

fn forbidden(world: &World, method: &Method, path: &str) -> Option<String> {
    let verb = match method.as_str() {
        "POST" => "create",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "list",
    };
    let hits = |resource: &str| {
        let (resource, sub) = resource.split_once('/').unwrap_or((resource, ""));
        path.contains(&format!("/{resource}")) && path.ends_with("/eviction") == (sub == "eviction")
    };
    let all = world.forbidden.lock().unwrap();
    all.iter()
        .find(|(v, resource)| *v == verb && hits(resource))
        .map(|(_, resource)| (*resource).to_owned())
}

/// Pages are as long as is asked for: `continue` is the place of the next object.
fn list(store: &Store, path: &str, query: &BTreeMap<String, String>) -> Answer {
    if !COLLECTIONS.contains(&path.rsplit('/').next().unwrap_or_default()) {
        return status(404, "NotFound", &format!("{path} not found"));
    }
    let fits = |object: &&Value| {
        let labels = query
            .get("labelSelector")
            .is_none_or(|s| chooses(s, &object["metadata"]["labels"]));
        let field = query.get("fieldSelector").and_then(|s| s.split_once('='));
        labels && field.is_none_or(|(field, value)| *field_of(object, field) == value)
    };
    // A page ends with the name of its last object; what is made before it meanwhile is not seen, as in a snapshot.
    let name = |object: &Value| {
        format!(
            "{}/{}",
            word(&object["metadata"]["namespace"]),
            word(&object["metadata"]["name"])
        )
    };
    let after = query.get("continue").cloned().unwrap_or_default();
    let chosen: Vec<&Value> = store
        .list(path)
        .into_iter()
        .filter(|o| fits(o) && name(o) > after)
        .collect();
    // Short pages where pages are asked for, so that there are several.
    let most = query
        .get("limit")
        .map_or(usize::MAX, |n| n.parse::<usize>().unwrap().min(2));
    let page: Vec<&Value> = chosen.iter().take(most).copied().collect();
    let next = page.last().filter(|_| page.len() < chosen.len()).map(|last| name(last));
    (
        200,
        json!({ "kind": "List", "metadata": { "continue": next.unwrap_or_default() }, "items": page }),
    )
}

fn field_of<'a>(object: &'a Value, field: &str) -> &'a Value {
    field.split('.').fold(object, |value, key| &value[key])
}

fn create(store: &mut Store, path: &str, body: &Value) -> Answer {
    let mut object = body.clone();
    let parts: Vec<&str> = path.split('/').collect();
    if let Some(at) = parts
        .iter()
        .position(|part| *part == "namespaces")
        .filter(|at| at + 2 < parts.len())
    {
        object["metadata"]["namespace"] = parts[at + 1].into();
    }
    let at = format!("{path}/{}", word(&object["metadata"]["name"]));
    if store.objects.contains_key(&at) {
        return status(409, "AlreadyExists", &format!("{at} already exists"));
    }
    (201, store.put(&at, object))
}

/// With a version in it, only if the object is still of that version.
fn patch(store: &mut Store, path: &str, body: &Value, dry: bool) -> Answer {
    let Some(before) = store.objects.get(path) else {
        return status(404, "NotFound", &format!("{path} not found"));
    };
    let seen = &body["metadata"]["resourceVersion"];
    if !seen.is_null() && *seen != before["metadata"]["resourceVersion"] {
        let message = "the object has been modified; please apply your changes to the latest version and try again";
        return status(409, "Conflict", message);
    }
    let mut after = before.clone();
    merge(&mut after, body);
    if after == *before || dry {
        return (200, after);
    }
    (200, store.put(path, after))
}

fn delete(store: &mut Store, path: &str, options: &Value, dry: bool) -> Answer {
    let Some(object) = store.objects.get(path) else {
        return status(404, "NotFound", &format!("{path} not found"));
    };
    if let Some(conflict) = other_identity(object, options) {
        return conflict;
    }
    let dry = dry || options["dryRun"] == json!(["All"]);
    let object = object.clone();
    if !dry && path.contains("/pods/") {
        store.begin_end(path, options["gracePeriodSeconds"].as_u64());
    } else if !dry {
        store.objects.remove(path);
    }
    (200, object)
}

fn other_identity(object: &Value, options: &Value) -> Option<Answer> {
    let uid = &options["preconditions"]["uid"];
    let other = !uid.is_null() && *uid != object["metadata"]["uid"];
    other.then(|| {
        status(
            409,
            "Conflict",
            "the UID in the precondition does not match the UID in record",
        )
    })
}

/// As `pods/eviction` decides: pods that have not begun or are ending go; two budgets are an error; one has to allow it.
fn evict(store: &mut Store, path: &str, body: &Value, dry: bool) -> Answer {
    if body["kind"] != "Eviction" || body["apiVersion"] != "policy/v1" {
        return status(400, "BadRequest", "not an Eviction of policy/v1");
    }
    let Some(pod) = store.objects.get(path).cloned() else {
        return status(404, "NotFound", &format!("{path} not found"));
    };
    if body["metadata"]["name"] != pod["metadata"]["name"] {
        return status(400, "BadRequest", "name in URL does not match name in Eviction object");
    }
    let options = &body["deleteOptions"];
    let dry = dry || options["dryRun"] == json!(["All"]);
    // Budgets are asked before the identity, as the real one does.
    let heeds = !is_ending(&pod) && pod["status"]["phase"] == "Running";
    if heeds && let Err(refused) = ask_budgets(store, &pod, dry) {
        return refused;
    }
    let (code, answer) = delete(store, path, options, dry);
    if code != 200 {
        return (code, answer);
    }
    (
        201,
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Success", "code": 201 }),
    )
}

/// A pod that is not ready takes nothing from a budget that is met without it.
fn ask_budgets(store: &mut Store, pod: &Value, dry: bool) -> Result<(), Answer> {
    let namespace = word(&pod["metadata"]["namespace"]);
    let all = format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets");
    let budgets = store.list(&all).into_iter();
    let its: Vec<Value> = budgets.filter(|budget| protects(budget, pod)).cloned().collect();
    let [budget] = &its[..] else {
        let message =
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        return if its.is_empty() {
            Ok(())
        } else {
            Err(status(500, "", message))
        };
    };
    let figure = |name: &str| budget["status"][name].as_u64().unwrap_or(0);
    if !is_ready(pod) && figure("currentHealthy") >= figure("desiredHealthy") {
        return Ok(());
    }
    let Some(left) = figure("disruptionsAllowed").checked_sub(1) else {
        return Err(held(budget));
    };
    if !dry {
        let at = format!("{all}/{}", word(&budget["metadata"]["name"]));
        store.edit(&at, |budget| budget["status"]["disruptionsAllowed"] = left.into());
    }
    Ok(())
}

fn held(budget: &Value) -> Answer {
    let (_, mut refused) = status(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
    );
    let (name, figures) = (word(&budget["metadata"]["name"]), &budget["status"]);
    let message = format!(
        "The disruption budget {name} needs {} healthy pods and has {} currently",
        figures["desiredHealthy"], figures["currentHealthy"]
    );
    refused["details"] =
        json!({ "causes": [{ "reason": "DisruptionBudget", "message": message }], "retryAfterSeconds": 1 });
    (429, refused)
}
