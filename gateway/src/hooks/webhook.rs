//! Webhooks: one signed POST an attempt, and what each answer means (the table of `gateway/HOOKS.md`).

use std::time::Duration;

use muster_core::HookOutcome;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{RequestBuilder, Response, StatusCode, Url};

use super::envelope::Envelope;
use super::preflight::{Answer, Preflight};
use super::target::{self, TargetError};
use super::{Clients, Follow, HookError, Reply, note, progress, signing};
use crate::clock::Clock;
use crate::config::{Secret, WebhookTarget};
use crate::counters::{Cause, Counters};

/// Longest `Location` that is followed. Bytes.
const LOCATION_BYTES: usize = 2_048;

/// How long and how much a hook may take. All times are real, in a simulation too.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One attempt or one question from resolving the name to the last byte (design §6: 10 s).
    pub attempt: Duration,
    /// Resolving and connecting alone, TLS included.
    pub connect: Duration,
    /// Of an answer's body; what lies beyond is not read.
    pub body_bytes: usize,
    /// Between two questions to a `Location`.
    pub ask_every: Duration,
    /// Questions to one `Location` before the step is called again, which is harmless.
    pub questions: u32,
    /// Failed questions in a row before the step is called again.
    pub failed_questions: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(10),
            connect: Duration::from_secs(2),
            body_bytes: 64 * 1_024,
            ask_every: Duration::from_secs(2),
            // Four hours of one question every 2 s; the cuts on record came within three.
            questions: 7_200,
            failed_questions: 5,
        }
    }
}

/// One webhook. The kept-alive connections are shared with the others.
#[derive(Debug)]
pub struct Webhook {
    id: String,
    url: Url,
    secret: Secret,
    allow_loopback: bool,
    client: reqwest::Client,
    limits: Limits,
    clock: Clock,
    counters: Counters,
}

/// A whole answer.
struct Answered {
    status: StatusCode,
    location: Option<String>,
    body: Vec<u8>,
}

/// Why there is no whole answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It took too long.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// Its address may not be called.
    #[error(transparent)]
    Forbidden(TargetError),
    /// No connection.
    #[error("not reached")]
    Connect(#[source] reqwest::Error),
    /// A connection, and no whole answer.
    #[error("the connection broke")]
    Cut(#[source] reqwest::Error),
}

impl Webhook {
    /// A hook as configured.
    ///
    /// # Errors
    /// Its URL is none, or its `ca` cannot be used. An address that may not be called is found at each attempt, as a
    /// name's is.
    pub fn new(
        id: String,
        target: WebhookTarget,
        clients: &Clients,
        limits: Limits,
        clock: Clock,
        counters: Counters,
    ) -> Result<Self, HookError> {
        Ok(Self {
            url: target::parse(&target.url)?,
            id,
            secret: target.secret,
            allow_loopback: target.allow_loopback,
            client: clients.of(target.allow_loopback, target.ca.as_deref())?,
            limits,
            clock,
            counters,
        })
    }

    /// One POST.
    pub async fn attempt(&self, envelope: &Envelope) -> Reply {
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/cloudevents+json");
        match self.exchange(request, &envelope.id, envelope.body.clone()).await {
            Ok(answered) => Reply {
                follow: self.follow(&answered).map(Follow::Ask),
                outcome: self.meaning(&answered),
            },
            Err(failure) => Reply {
                outcome: self.failed(&failure),
                follow: None,
            },
        }
    }

    /// Whether anybody answers there by HTTP, over TLS that is good for the name. The question is signed and asks for nothing.
    pub async fn preflight(&self) -> Preflight {
        let answered = self
            .exchange(self.client.head(self.url.clone()), "preflight", Vec::new())
            .await;
        let reached = match answered {
            Ok(answered) => Answer::Yes {
                seen: format!("answers by HTTP ({})", answered.status.as_u16()),
            },
            Err(failure) => Answer::No {
                why: failure.line(),
                mend: format!(
                    "see whether {} runs, and whether this machine may reach it",
                    self.place()
                ),
            },
        };
        Preflight::only_reached(reached, "a webhook says so only when it is called: a drill shows it")
    }

    /// Scheme, host and port: its path may be a secret.
    fn place(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// One signed GET to the `Location` of a 202. Any failure is a `Retry`.
    pub async fn ask(&self, at: &Url, id: &str) -> HookOutcome {
        match self.exchange(self.client.get(at.clone()), id, Vec::new()).await {
            Ok(answered) if answered.status == StatusCode::ACCEPTED => {
                progress::parse(&answered.body).unwrap_or(HookOutcome::Running { percent: None })
            }
            Ok(answered) if answered.status.is_success() => progress::parse(&answered.body)
                .unwrap_or_else(|cause| self.retry(Cause::HookBody, format!("at its Location: {cause}"))),
            Ok(answered) => self.meaning(&answered),
            Err(failure) => self.failed(&failure),
        }
    }

    /// Signs, sends and reads a whole answer, all within one deadline.
    async fn exchange(&self, request: RequestBuilder, id: &str, body: Vec<u8>) -> Result<Answered, Failure> {
        target::check_literal(&self.url, self.allow_loopback).map_err(Failure::Forbidden)?;
        let unix_s = self.clock.real_unix_s();
        let request = request
            .header("webhook-id", id)
            .header("webhook-timestamp", unix_s)
            .header("webhook-signature", signing::sign(&self.secret, id, unix_s, &body))
            .body(body);
        let limit = self.limits.attempt;
        tokio::time::timeout(limit, async {
            self.read(request.send().await.map_err(Failure::of)?).await
        })
        .await
        .unwrap_or(Err(Failure::Timeout(limit)))
    }

    /// Reads the body up to its limit. What the hook decided stands in the status, so one that talks on is cut off and
    /// believed; one that stops in the middle has not answered.
    async fn read(&self, mut response: Response) -> Result<Answered, Failure> {
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|at| at.to_str().ok())
            .map(str::to_owned);
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(Failure::of)? {
            let room = self.limits.body_bytes - body.len();
            body.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() > room {
                self.counters
                    .count(Cause::HookBody, &self.id, &"an answer longer than is read");
                break;
            }
        }
        Ok(Answered {
            status: response.status(),
            location,
            body,
        })
    }

    fn meaning(&self, answered: &Answered) -> HookOutcome {
        let status = answered.status;
        let words = || note::clean(&answered.body);
        match status.as_u16() {
            202 => HookOutcome::Accepted,
            200..=299 => HookOutcome::Done,
            409 => HookOutcome::TokenRefused,
            422 => HookOutcome::Cannot { note: words() },
            300..=399 => self.retry(
                Cause::HookRedirect,
                format!("answered {status}; redirects are not followed"),
            ),
            _ => self.retry(Cause::HookStatus, format!("answered {status}: {}", words())),
        }
    }

    fn failed(&self, failure: &Failure) -> HookOutcome {
        self.retry(failure.cause(), failure.line())
    }

    fn retry(&self, cause: Cause, line: String) -> HookOutcome {
        self.counters.count(cause, &self.id, &line);
        HookOutcome::Retry { cause: line }
    }

    /// Where to ask how an accepted step goes on. Another origin than the hook's own is a redirect by another name.
    fn follow(&self, answered: &Answered) -> Option<Url> {
        let location = answered
            .location
            .as_deref()
            .filter(|_| answered.status == StatusCode::ACCEPTED)?;
        let at = (location.len() <= LOCATION_BYTES)
            .then(|| self.url.join(location).ok())
            .flatten();
        let own =
            at.filter(|at| at.origin() == self.url.origin() && at.username().is_empty() && at.password().is_none());
        if own.is_none() {
            self.counters
                .count(Cause::HookForbidden, &self.id, &"a Location that is not the hook's own");
        }
        own
    }
}

impl Failure {
    /// Sorts what the client says. The URL is left out.
    pub(crate) fn of(error: reqwest::Error) -> Self {
        // The URL may carry a token of the hook's; it belongs in no log.
        let error = error.without_url();
        if let Some(forbidden) = forbidden_in(&error) {
            return Self::Forbidden(forbidden);
        }
        if error.is_connect() {
            Self::Connect(error)
        } else {
            Self::Cut(error)
        }
    }

    /// What it is counted by.
    pub(crate) const fn cause(&self) -> Cause {
        match self {
            Self::Timeout(_) => Cause::HookTimeout,
            Self::Forbidden(_) => Cause::HookForbidden,
            Self::Connect(_) | Self::Cut(_) => Cause::HookConnect,
        }
    }

    /// The failure and its innermost cause, on one line.
    pub(crate) fn line(&self) -> String {
        let mut innermost: &dyn std::error::Error = self;
        while let Some(deeper) = innermost.source() {
            innermost = deeper;
        }
        let (outer, inner) = (self.to_string(), innermost.to_string());
        let line = if outer == inner {
            outer
        } else {
            format!("{outer}: {inner}")
        };
        note::clean(line.as_bytes())
    }
}

/// The resolver's refusal, wherever the client has wrapped it.
fn forbidden_in(error: &reqwest::Error) -> Option<TargetError> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(TargetError::Forbidden { .. } | TargetError::Loopback { .. }) = error.downcast_ref() {
            return error.downcast_ref().cloned();
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests;
