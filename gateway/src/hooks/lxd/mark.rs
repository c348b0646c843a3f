//! What is kept at an instance: the highest token that has acted on it, and how it was before.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::door::{Door, Seen};
use super::fault::Fault;
use super::words::Instance;

/// The highest token.
const TOKEN: &str = "user.muster-token";
/// The incident in which it was last acted on.
const INCIDENT: &str = "user.muster-incident";
/// The member it stood on before the first that it has not come home from; what follows is of that moment.
const HOME: &str = "user.muster-home";
/// `running`, or what else it was.
const POWER: &str = "user.muster-power";

const RUNNING: &str = "running";

/// Somebody else may be first this often.
const TRIES: usize = 5;

/// How it was before anything was done to it.
pub(super) struct Before {
    pub(super) home: Option<String>,
    pub(super) ran: bool,
}

impl Instance {
    /// Of the incident that the marks are of; as it is now where there are none.
    pub(super) fn before(&self) -> Before {
        let home = self.config.get(HOME).cloned();
        let ran = self
            .config
            .get(POWER)
            .map_or(!self.is("Stopped"), |power| power == RUNNING);
        Before { home, ran }
    }

    fn token(&self) -> u64 {
        self.config.get(TOKEN).and_then(|token| token.parse().ok()).unwrap_or(0)
    }
}

/// Raises the fence to this token; the instance as it is behind it.
pub(super) async fn raise(door: &Door, name: &str, incident: &str, token: u64) -> Result<Instance, Fault> {
    for _ in 0..TRIES {
        let seen = door.instance(name).await?;
        if seen.it.token() > token {
            return Err(Fault::Overtaken(name.to_owned(), seen.it.token()));
        }
        let marks = marks(&seen.it, incident, token);
        if marks.is_empty() {
            return Ok(seen.it);
        }
        match write(door, &seen, marks).await {
            Err(fault) if fault.is_stale() => {}
            done => done?,
        }
    }
    Err(Fault::NotYet(format!(
        "the settings of {name} change faster than they can be marked"
    )))
}

/// Back home: how it was before is kept for the probe, and written anew by the next incident.
pub(super) async fn lift(door: &Door, name: &str) -> Result<(), Fault> {
    let seen = door.instance(name).await?;
    let gone = Map::from_iter([(HOME.to_owned(), json!(""))]);
    write(door, &seen, gone).await
}

/// What is not marked yet.
fn marks(instance: &Instance, incident: &str, token: u64) -> Map<String, Value> {
    let mut marks = Map::new();
    let mut mark = |key: &str, value: String| {
        if instance.config.get(key) != Some(&value) {
            marks.insert(key.to_owned(), value.into());
        }
    };
    mark(TOKEN, token.to_string());
    // Until it is home again, how it was before is what it was before the first incident.
    if instance.config.get(HOME).is_none_or(String::is_empty) {
        let power = if instance.is("Stopped") { "stopped" } else { RUNNING };
        mark(POWER, power.into());
        mark(HOME, instance.location.clone());
    }
    mark(INCIDENT, incident.to_owned());
    marks
}

async fn write(door: &Door, seen: &Seen<Instance>, marks: Map<String, Value>) -> Result<(), Fault> {
    let path = format!("/1.0/instances/{}", seen.it.name);
    let body = json!({ "config": marks });
    door.send(Method::PATCH, (&path, &[]), &body, seen.etag.as_ref())
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_incident_keeps_where_it_was_before_the_first() {
        let instance = |config: Value| -> Instance {
            let instance = json!({ "name": "shop", "status": "Stopped", "location": "m3", "config": config });
            serde_json::from_value(instance).unwrap()
        };
        let away = json!({ TOKEN: "7", INCIDENT: "t-1", HOME: "m1", POWER: RUNNING });
        let second = marks(&instance(away), "t-2", 9);
        assert_eq!(Value::from(second), json!({ TOKEN: "9", INCIDENT: "t-2" }));
        // Home again, it leaves again: of the same incident or of another.
        let home = json!({ TOKEN: "7", INCIDENT: "t-1", POWER: RUNNING });
        let again = marks(&instance(home), "t-1", 9);
        assert_eq!(Value::from(again), json!({ TOKEN: "9", HOME: "m3", POWER: "stopped" }));
    }
}
