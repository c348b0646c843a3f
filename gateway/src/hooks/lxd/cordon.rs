//! Members that lose their power take nothing new: `scheduler.instance = manual`, and what it was before is kept beside it.

use std::collections::BTreeMap;

use muster_core::Call;
use reqwest::Method;
use serde_json::{Value, json};

use super::Inner;
use super::door::{Door, Seen};
use super::fault::Fault;
use super::words::Member;

const SCHEDULER: &str = "scheduler.instance";
const BY_HAND: &str = "manual";
/// What it was before; `NOTHING` where it was not set, because LXD keeps no empty values.
const BEFORE: &str = "user.muster-scheduler";
const NOTHING: &str = "unset";

/// Which members can be told so: `scheduler.instance` came with this.
pub(super) const EXTENSION: &str = "clustering_config";

/// Somebody else may be first this often.
const TRIES: usize = 5;

/// Of the whole doomed set, before anything moves.
pub(super) async fn put_on(inner: &Inner, door: &Door, call: &Call) -> Result<(), Fault> {
    if !door.server.can(EXTENSION) {
        let line = "this LXD cannot keep new instances off a member";
        tracing::warn!(hook = inner.id, line);
        return Ok(());
    }
    let _turn = inner.cordon.lock().await;
    let all: Vec<Member> = door.get("/1.0/cluster/members", &[("recursion", "1")]).await?.it;
    let takes = |member: &Member| member.config.get(SCHEDULER).map(String::as_str) != Some(BY_HAND);
    let doomed = inner.doomed(call);
    let open = all
        .iter()
        .filter(|m| doomed.contains(m.server_name.as_str()) && takes(m));
    for member in open {
        change(door, &member.server_name, |config| {
            if config.get(SCHEDULER).map(String::as_str) == Some(BY_HAND) {
                return false;
            }
            let before = config.insert(SCHEDULER.into(), BY_HAND.into());
            config.insert(BEFORE.into(), before.unwrap_or_else(|| NOTHING.into()));
            true
        })
        .await?;
    }
    Ok(())
}

/// From every member of ours that we put it on.
pub(super) async fn take_off(inner: &Inner, door: &Door) -> Result<(), Fault> {
    if !door.server.can(EXTENSION) {
        return Ok(());
    }
    for member in inner.target.places.racks.values().flatten() {
        change(door, member, |config| match config.remove(BEFORE) {
            None => false,
            Some(before) if before == NOTHING => config.remove(SCHEDULER).is_some(),
            Some(before) => config.insert(SCHEDULER.into(), before).is_some(),
        })
        .await?;
    }
    Ok(())
}

/// A member is written as a whole: older versions refuse to change a part. A member that is gone needs no cordon.
async fn change(door: &Door, member: &str, how: impl Fn(&mut BTreeMap<String, String>) -> bool) -> Result<(), Fault> {
    let path = format!("/1.0/cluster/members/{member}");
    for _ in 0..TRIES {
        let seen: Seen<Value> = match door.get(&path, &[]).await {
            Err(fault) if fault.is_absence() => return Ok(()),
            other => other?,
        };
        let known: Member = serde_json::from_value(seen.it.clone()).map_err(|e| Fault::Garbled(e.to_string()))?;
        let mut config = known.config;
        if !how(&mut config) {
            return Ok(());
        }
        let mut body = seen.it;
        body["config"] = json!(config);
        match door.send(Method::PUT, (&path, &[]), &body, seen.etag.as_ref()).await {
            Err(fault) if fault.is_stale() => {}
            done => return done.map(drop),
        }
    }
    Err(Fault::NotYet(format!(
        "the settings of member {member} change faster than they can be written"
    )))
}
