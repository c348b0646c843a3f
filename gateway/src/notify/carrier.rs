//! Any way of carrying a message to a place.

use std::time::Duration;

use super::email::Email;
use super::heartbeat::Heartbeat;
use super::notice::Notice;
use super::webhook::Webhook;
use crate::config::{Place, Way};
use crate::hooks::ClientError;

/// Carries messages to one place; one attempt at a time, each with a deadline.
#[derive(Debug)]
pub enum Carrier {
    /// HTTP.
    Webhook(Webhook),
    /// SMTP.
    Email(Box<Email>),
    /// A dead-man's watch. Its only message is the test.
    Heartbeat(Heartbeat),
}

/// Why a place did not take a message. One line each, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// Nobody is there, or the connection broke.
    #[error("{0}")]
    Unreached(String),
    /// Somebody is there and does not take it, or it may not be called.
    #[error("{0}")]
    Refused(String),
}

impl Carrier {
    /// The carrier of a place. `attempt` bounds each attempt.
    ///
    /// # Errors
    /// TLS could not be set up.
    pub fn new(place: &Place, attempt: Duration) -> Result<Self, ClientError> {
        match &place.way {
            Way::Email(smtp) => Ok(Self::Email(Box::new(Email::new(place, smtp, attempt)))),
            Way::Webhook(hook) => Webhook::new(place, hook, attempt).map(Self::Webhook),
            Way::Heartbeat(pulse) => Heartbeat::new(place, pulse, attempt).map(Self::Heartbeat),
        }
    }

    /// One attempt. Whether all of it was taken; what a place took only in part is a warning.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn send(&self, notice: &Notice) -> Result<Option<String>, Failure> {
        match self {
            Self::Webhook(webhook) => webhook.send(notice).await.map(|()| None),
            Self::Email(email) => email.send(notice).await,
            Self::Heartbeat(heartbeat) => heartbeat.test(&notice.site).await.map(|()| None),
        }
    }

    /// Whether a message could be carried there now; none is. A heartbeat looks by itself.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn look(&self) -> Result<(), Failure> {
        match self {
            Self::Webhook(webhook) => webhook.look().await,
            Self::Email(email) => email.look().await,
            Self::Heartbeat(_) => Ok(()),
        }
    }
}
