//! One call to a dead-man's watch.

use std::time::Duration;

use muster_core::View;
use serde_json::{Value, json};

use super::carrier::Failure;
use super::post::Post;
use crate::config::{Address, Beat, Place, Pulse};
use crate::hooks::ClientError;

/// A watch outside that raises the alarm when it is not called.
#[derive(Debug)]
pub struct Heartbeat {
    post: Post,
    url: Address,
    trouble_url: Option<Address>,
    beat: Beat,
}

impl Heartbeat {
    pub(super) fn new(place: &Place, pulse: &Pulse, attempt: Duration) -> Result<Self, ClientError> {
        Ok(Self {
            post: Post::new(place, attempt)?,
            url: pulse.url.clone(),
            trouble_url: pulse.trouble_url.clone(),
            beat: pulse.beat,
        })
    }

    /// One beat: how the site is goes into the body, so that the watch knows more than that we live.
    pub(super) async fn send(&self, view: &View) -> Result<(), Failure> {
        let journal_well = !view.troubles.iter().any(|trouble| trouble.subject == "journal");
        let url = self.trouble_url.as_ref().filter(|_| !journal_well).unwrap_or(&self.url);
        let body = json!({
            "schema": 1, "site": view.site, "level": view.level.as_str(), "armed": view.armed,
            "simulated": view.simulated, "votes": view.votes.len(), "troubles": view.troubles.len(),
            "channels_good": view.channels_good, "channels_total": view.channels_total, "journal_well": journal_well,
        });
        self.call(url, &body).await
    }

    /// A beat that says that it is a test; the watch takes it for one all the same.
    pub(super) async fn test(&self, site: &str) -> Result<(), Failure> {
        self.call(&self.url, &json!({ "schema": 1, "site": site, "test": true }))
            .await
    }

    async fn call(&self, url: &Address, body: &Value) -> Result<(), Failure> {
        let request = match self.beat {
            Beat::Get => self.post.client.get(url.0.clone()),
            Beat::Post => self.post.client.post(url.0.clone()).json(body),
        };
        self.post.send(url, request).await
    }
}
