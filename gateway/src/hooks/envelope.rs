//! What a hook is told: one CloudEvent 1.0 in structured JSON (`gateway/hook.schema.json`).

use muster_core::{Call, Mode};
use reqwest::Url;
use serde::Serialize;

use super::progress;
use crate::clock::Clock;

/// Lines of `why` that are sent, newest first; CloudEvents wants events of at most 64 KiB.
const WHY_LINES: usize = 32;

/// Why an event cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// `[http] public_url` is no address that a path can be added to.
    #[error("`{url}` is not an http address that hooks can report progress to")]
    ProgressUrl {
        /// As configured.
        url: String,
    },
    /// JSON could not be written; a fault of our own.
    #[error("the event could not be written as JSON")]
    Encode(#[source] serde_json::Error),
}

/// The idempotency key: `{incident}.{step}`, before it `drill.` when nothing may change.
///
/// A drill has keys of its own: a receiver that remembers keys would otherwise take the live call for a repeat of the
/// drill and do nothing (`gateway/decisions/0001-drill-keys.md`). No incident begins with `drill.`, as every incident id
/// ends in a number after a dash and has no dot.
#[must_use]
pub fn webhook_id(mode: Mode, incident: &str, step: &str) -> String {
    match mode {
        Mode::Live => format!("{incident}.{step}"),
        Mode::Drill => format!("drill.{incident}.{step}"),
    }
}

/// One event, ready to be signed and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `webhook-id`, the idempotency key.
    pub id: String,
    /// `application/cloudevents+json`.
    pub body: Vec<u8>,
}

/// Makes events.
#[derive(Clone, Debug)]
pub struct Envelopes {
    clock: Clock,
    progress_base: Url,
    progress_key: [u8; 32],
}

impl Envelopes {
    /// `progress_base_url` is `http://host:port` of our own API as hooks see it.
    ///
    /// # Errors
    /// It is no http or https address.
    pub fn new(clock: Clock, progress_base_url: &str, progress_key: [u8; 32]) -> Result<Self, EnvelopeError> {
        let progress_base = Url::parse(progress_base_url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| EnvelopeError::ProgressUrl {
                url: progress_base_url.to_owned(),
            })?;
        Ok(Self {
            clock,
            progress_base,
            progress_key,
        })
    }

    /// The event of one call, as of now.
    ///
    /// # Errors
    /// Only a fault of our own.
    pub fn of(&self, call: &Call) -> Result<Envelope, EnvelopeError> {
        self.made(call, true)
    }

    /// As [`Envelopes::of`], without a bearer to report progress over HTTP with: for ways on which others listen.
    ///
    /// # Errors
    /// Only a fault of our own.
    pub fn without_bearer(&self, call: &Call) -> Result<Envelope, EnvelopeError> {
        self.made(call, false)
    }

    fn made(&self, call: &Call, bearer: bool) -> Result<Envelope, EnvelopeError> {
        let id = webhook_id(call.mode, &call.incident, &call.step);
        let event = Event {
            specversion: "1.0",
            id: &id,
            source: format!("/muster/{}", site_of(&call.incident)),
            r#type: format!("muster.step.{}", call.phase),
            time: rfc3339(self.clock.wall_ms()),
            subject: &call.step,
            datacontenttype: "application/json",
            data: self.data(call, &id, bearer),
        };
        let body = serde_json::to_vec(&event).map_err(EnvelopeError::Encode)?;
        Ok(Envelope { id, body })
    }

    fn data<'a>(&self, call: &'a Call, id: &str, bearer: bool) -> Data<'a> {
        let speed = self.clock.speed();
        Data {
            mode: call.mode.as_str(),
            incident: &call.incident,
            step: &call.step,
            phase: call.phase.as_str(),
            workload: &call.workload,
            rung: call.rung.as_str(),
            destination: call.destination.as_deref(),
            deadline: rfc3339(self.clock.wall_of(call.deadline)),
            deadline_in_s: (call.deadline - self.clock.now()).max(0) / 1_000,
            clock_speed: (speed != 1).then_some(speed),
            token: call.token,
            why: &call.why[..call.why.len().min(WHY_LINES)],
            progress_url: bearer.then(|| self.progress_url(call).into()),
            progress_token: bearer.then(|| progress::bearer(&self.progress_key, id)),
        }
    }

    fn progress_url(&self, call: &Call) -> Url {
        let mut url = self.progress_base.clone();
        // Only an address without a host refuses a path, and `new` has refused those.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([
                "api",
                "v1",
                "incidents",
                &call.incident,
                "steps",
                &call.step,
                "progress",
            ]);
        }
        url
    }
}

#[derive(Serialize)]
struct Event<'a> {
    specversion: &'a str,
    id: &'a str,
    source: String,
    r#type: String,
    time: String,
    subject: &'a str,
    datacontenttype: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    mode: &'a str,
    incident: &'a str,
    step: &'a str,
    phase: &'a str,
    workload: &'a str,
    rung: &'a str,
    destination: Option<&'a str>,
    deadline: String,
    deadline_in_s: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_speed: Option<u32>,
    token: u64,
    why: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    progress_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress_token: Option<String>,
}

/// Incident ids are `{site}-{n}`.
fn site_of(incident: &str) -> &str {
    incident.rsplit_once('-').map_or(incident, |(site, _)| site)
}

/// Unix milliseconds as people and JSON Schema write them; beyond the calendar, its last moment.
fn rfc3339(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

#[cfg(test)]
mod tests;
