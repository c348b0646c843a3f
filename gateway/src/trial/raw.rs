//! Calls that no gateway makes: with wrong signatures, cut, or of garbage. Webhooks only.

use std::time::Duration;

use muster_core::HookOutcome;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::config::Secret;
use crate::hooks::envelope::Envelope;
use crate::hooks::signing;

/// One call from the name to the last byte, as a gateway's.
const LIMIT: Duration = Duration::from_secs(10);
/// Between the last byte that is sent and the cut: it should have arrived.
const BEFORE_THE_CUT: Duration = Duration::from_millis(50);

/// A webhook to be called in any way.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) url: Url,
    pub(super) secret: Secret,
    pub(super) client: reqwest::Client,
    pub(super) clock: Clock,
}

/// Headers of one call, to be bent.
#[derive(Clone, Debug)]
pub(super) struct Headers {
    pub(super) id: Option<String>,
    pub(super) stamp: Option<String>,
    pub(super) signature: Option<String>,
}

/// Where a call is cut.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    InTheBody,
    BeforeTheAnswer,
}

impl Raw {
    /// As a gateway would sign it, `late_s` seconds ago.
    pub(super) fn headers(&self, id: &str, body: &[u8], late_s: i64) -> Headers {
        let unix_s = self.clock.real_unix_s() - late_s;
        Headers {
            id: Some(id.to_owned()),
            stamp: Some(unix_s.to_string()),
            signature: Some(signing::sign(&self.secret, id, unix_s, body)),
        }
    }

    /// The status it is answered with, or why there is none.
    pub(super) async fn post(&self, headers: &Headers, body: Vec<u8>) -> Result<u16, String> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/cloudevents+json");
        for (name, value) in headers.all() {
            request = request.header(name, value);
        }
        let sent = tokio::time::timeout(LIMIT, request.body(body).send()).await;
        match sent {
            Ok(Ok(answer)) => Ok(answer.status().as_u16()),
            Ok(Err(cause)) => Err(cause.without_url().to_string()),
            Err(_) => Err("no answer within 10 s".into()),
        }
    }

    /// The body of a signed question.
    pub(super) async fn get(&self, url: &Url, key: &str) -> Result<String, String> {
        let mut request = self.client.get(url.clone());
        for (name, value) in self.headers(key, b"", 0).all() {
            request = request.header(name, value);
        }
        let words = |cause: reqwest::Error| cause.without_url().to_string();
        let answer = request.send().await.map_err(words)?;
        if !answer.status().is_success() {
            return Err(answer.status().to_string());
        }
        answer.text().await.map_err(words)
    }

    /// Sends a good call and cuts the connection. Plain HTTP only: false where it is not.
    pub(super) async fn cut(&self, envelope: &Envelope, cut: Cut) -> std::io::Result<bool> {
        if self.url.scheme() != "http" {
            return Ok(false);
        }
        let (host, port) = (
            self.url.host_str().unwrap_or_default(),
            self.url.port_or_known_default().unwrap_or(80),
        );
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let mut head = format!(
            "POST {}{} HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/cloudevents+json\r\ncontent-length: {}\r\n",
            self.url.path(),
            self.url.query().map_or_else(String::new, |query| format!("?{query}")),
            envelope.body.len()
        );
        for (name, value) in self.headers(&envelope.id, &envelope.body, 0).all() {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let body = match cut {
            Cut::InTheBody => &envelope.body[..envelope.body.len() / 2],
            Cut::BeforeTheAnswer => &envelope.body[..],
        };
        let send = async {
            let mut stream = TcpStream::connect((name, port)).await?;
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body).await?;
            stream.flush().await?;
            tokio::time::sleep(BEFORE_THE_CUT).await;
            std::io::Result::Ok(())
        };
        let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
        tokio::time::timeout(LIMIT, send).await.map_err(|_| late())??;
        Ok(true)
    }
}

impl Headers {
    fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("webhook-id", &self.id),
            ("webhook-timestamp", &self.stamp),
            ("webhook-signature", &self.signature),
        ];
        all.into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

/// In words.
pub(super) fn status(answered: &Result<u16, String>) -> String {
    match answered {
        Ok(status) => format!("answered {status}"),
        Err(cause) => cause.clone(),
    }
}

/// In words.
pub(super) fn words(outcome: &HookOutcome) -> String {
    match outcome {
        HookOutcome::Accepted => "accepted".into(),
        HookOutcome::Running { percent: None } => "running".into(),
        HookOutcome::Running { percent: Some(percent) } => format!("running, {percent} %"),
        HookOutcome::Done => "done".into(),
        HookOutcome::Cannot { note } => format!("cannot: {note}"),
        HookOutcome::TokenRefused => "token refused".into(),
        HookOutcome::Retry { cause } => format!("to be tried again: {cause}"),
    }
}
