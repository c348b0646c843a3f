//! Telling the world: mail, webhooks and heartbeats from a running gateway.

mod aiosmtpd;
mod killed;
mod places;
mod watched;

use std::time::Duration;

use crate::site::desk::{Call, Desk};

/// The first vote of a site is told to every place outside within this (design §6).
const FIRST_VOTE: Duration = Duration::from_secs(2);

/// `[[notify]]` for a desk.
fn webhook(id: &str, url: &str, more: &str) -> String {
    format!("[[notify]]\nid = \"{id}\"\nkind = \"webhook\"\nurl = \"{url}\"\nallow_loopback = true\n{more}\n")
}

/// The first message of a topic.
async fn told(desk: &Desk, topic: &str) -> Call {
    desk.until(topic, |call| call.event["subject"] == topic).await
}

/// Everything told so far, as (id of the line, its words).
fn lines(desk: &Desk) -> Vec<(i64, String)> {
    let messages = desk
        .calls()
        .into_iter()
        .map(|call| call.event["data"]["events"].clone());
    let events = messages.flat_map(|events| events.as_array().cloned().unwrap_or_default());
    let line = |event: serde_json::Value| {
        (
            event["id"].as_i64().unwrap(),
            event["line"].as_str().unwrap().to_owned(),
        )
    };
    events.map(line).collect()
}
