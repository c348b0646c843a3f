//! A message by HTTP POST: a CloudEvent for programs, `{"text": …}` for chats.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;

use super::carrier::Failure;
use super::notice::Notice;
use super::post::Post;
use crate::clock::wall_now_ms;
use crate::config::{Message, Place, Posted};
use crate::hooks::{ClientError, signing};

/// One webhook.
#[derive(Debug)]
pub struct Webhook {
    post: Post,
    hook: Posted,
}

impl Webhook {
    pub(super) fn new(place: &Place, hook: &Posted, attempt: Duration) -> Result<Self, ClientError> {
        Ok(Self {
            post: Post::new(place, attempt)?,
            hook: hook.clone(),
        })
    }

    pub(super) async fn send(&self, notice: &Notice) -> Result<(), Failure> {
        let (body, kind) = match self.hook.message {
            Message::CloudEvent => (notice.cloud_event(), "application/cloudevents+json"),
            Message::Text => (notice.chat(), "application/json"),
        };
        let body = body.to_string();
        let unix_s = wall_now_ms() / 1_000;
        let mut request = self.post.client.post(self.hook.url.0.clone());
        request = request
            .header(CONTENT_TYPE, kind)
            .header("webhook-id", &notice.id)
            .header("webhook-timestamp", unix_s);
        if let Some(secret) = &self.hook.secret {
            let signature = signing::sign(secret, &notice.id, unix_s, body.as_bytes());
            request = request.header("webhook-signature", signature);
        }
        self.post.send(&self.hook.url, request.body(body)).await
    }

    /// Whether anybody answers there at all, whatever it answers.
    pub(super) async fn look(&self) -> Result<(), Failure> {
        let request = self.post.client.head(self.hook.url.0.clone());
        self.post.exchange(&self.hook.url, request).await.map(|_| ())
    }
}
