//! Steps by MQTT 5: one connection an attempt, which subscribes for the answers, publishes the event once at QoS 1, and
//! listens until the step has ended. What breaks on the way is a retry with the same key, so that nothing has to be kept.
//! Signed after Standard Webhooks in both directions, in user properties: of a broker's clients we only have its word.

mod port;

use std::time::Duration;

use muster_core::HookOutcome;

use super::envelope::Envelope;
use super::preflight::{Answer, Preflight};
use super::underway::{Say, Underway, is_end};
use super::webhook::Limits;
use super::{Reply, note, progress, signing, target};
use crate::clock::Clock;
use crate::config::{MqttTarget, Secret};
use crate::counters::{Cause, Counters};
use port::{Link, LinkError, Message};

/// The attempt's own deadline comes first; this only bounds a fault of our own.
const SPARE: Duration = Duration::from_secs(5);
/// Answers that prove nothing, of one attempt: beyond, somebody floods the topic, and a new connection is as good.
const UNPROVEN: u32 = 1_000;

/// One topic at a broker.
#[derive(Clone, Debug)]
pub struct Mqtt {
    id: String,
    target: MqttTarget,
    /// What events are signed with; answers always by the target's own.
    secret: Secret,
    limits: Limits,
    clock: Clock,
    counters: Counters,
}

/// Why the event was not accepted by the broker.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the broker did not take it within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error(transparent)]
    Forbidden(target::TargetError),
    #[error("the broker's name cannot be resolved: {0}")]
    Name(std::io::Error),
    #[error(transparent)]
    Link(LinkError),
}

impl Mqtt {
    /// As configured.
    #[must_use]
    pub fn new(id: String, target: MqttTarget, limits: Limits, clock: Clock, counters: Counters) -> Self {
        Self {
            id,
            secret: target.secret.clone(),
            target,
            limits,
            clock,
            counters,
        }
    }

    /// The same, signing with another secret: for trials of who believes that.
    #[must_use]
    pub fn signing_with(self, secret: Secret) -> Self {
        Self { secret, ..self }
    }

    /// Publishes the event. Accepted once the broker has it and somebody is subscribed to it; the end is heard later.
    pub async fn attempt(&self, envelope: &Envelope) -> Reply {
        let (hook, envelope) = (self.clone(), envelope.clone());
        let work = move |say: Say| async move {
            tokio::select! {
                () = hook.see_through(&envelope, &say) => {}
                // The answers are of no use to anybody.
                () = say.closed() => {}
            }
        };
        Underway::spawn(work).into_reply(self.limits.attempt + SPARE).await
    }

    /// Whether the broker lets us in and lets us subscribe to answers. Who hears the topic is not asked: that takes an event.
    pub async fn preflight(&self) -> Preflight {
        let limit = self.limits.attempt;
        let opened = tokio::time::timeout(limit, self.try_out()).await;
        let reached = match opened.unwrap_or(Err(Failure::Timeout(limit))) {
            Ok(()) => Answer::Yes {
                seen: format!("the broker {} lets us in", self.target.broker),
            },
            Err(failure) => Answer::No {
                why: note::clean(failure.to_string().as_bytes()),
                mend: format!("see whether {} runs, and what it has against us", self.target.broker),
            },
        };
        Preflight::only_reached(
            reached,
            "who hears a topic shows only when it is called: a drill shows it",
        )
    }

    async fn try_out(&self) -> Result<(), Failure> {
        self.check_addresses().await?;
        let mut link = Link::open(&self.target.broker, &self.id, self.limits.connect).map_err(Failure::Link)?;
        let answers = format!("{}/answer/preflight", self.target.topic);
        link.subscribe(&answers).await.map_err(Failure::Link)?;
        link.close().await;
        Ok(())
    }

    async fn see_through(&self, envelope: &Envelope, say: &Say) {
        let limit = self.limits.attempt;
        let opened = tokio::time::timeout(limit, self.publish(envelope)).await;
        let mut link = match opened.unwrap_or(Err(Failure::Timeout(limit))) {
            Ok(link) => link,
            Err(failure) => {
                let _ = say.send(self.failed(&failure)).await;
                return;
            }
        };
        let _ = say.send(HookOutcome::Accepted).await;
        let mut unproven = 0;
        while unproven < UNPROVEN {
            let outcome = match link.next().await {
                Ok(message) => self.meaning(&envelope.id, &message),
                Err(cause) => Some(self.failed(&Failure::Link(cause))),
            };
            let Some(outcome) = outcome else {
                unproven += 1;
                continue;
            };
            let ends = is_end(&outcome);
            let _ = say.send(outcome).await;
            if ends {
                return link.close().await;
            }
        }
        let line = "its answers were drowned by others that prove nothing".to_owned();
        let _ = say.send(self.retry(Cause::ProgressRefused, line)).await;
    }

    async fn publish(&self, envelope: &Envelope) -> Result<Link, Failure> {
        self.check_addresses().await?;
        let answers = format!("{}/answer/{}", self.target.topic, envelope.id);
        let mut link = Link::open(&self.target.broker, &self.id, self.limits.connect).map_err(Failure::Link)?;
        link.subscribe(&answers).await.map_err(Failure::Link)?;
        let unix_s = self.clock.real_unix_s();
        let message = Message {
            payload: envelope.body.clone(),
            properties: vec![
                ("webhook-id".into(), envelope.id.clone()),
                ("webhook-timestamp".into(), unix_s.to_string()),
                (
                    "webhook-signature".into(),
                    signing::sign(&self.secret, &envelope.id, unix_s, &envelope.body),
                ),
            ],
        };
        let sent = link.publish(&self.target.topic, &answers, message).await;
        sent.map_err(Failure::Link)?;
        Ok(link)
    }

    /// Every address of the broker is one that a hook may have. The client resolves the name once more by itself.
    async fn check_addresses(&self) -> Result<(), Failure> {
        let broker = &self.target.broker;
        let found = tokio::net::lookup_host((broker.host.as_str(), broker.port)).await;
        for address in found.map_err(Failure::Name)? {
            target::check_address(address.ip(), self.target.allow_loopback).map_err(Failure::Forbidden)?;
        }
        Ok(())
    }

    /// None where it proves nothing or says nothing.
    fn meaning(&self, key: &str, message: &Message) -> Option<HookOutcome> {
        let of = |name: &str| {
            let found = message.properties.iter().find(|(given, _)| given == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let when = (of("webhook-timestamp"), self.clock.real_unix_s());
        let proven = of("webhook-id") == key
            && signing::verify(
                &self.target.secret,
                key,
                when,
                of("webhook-signature"),
                &message.payload,
            );
        if !proven {
            let what = "an answer over MQTT whose signature is not the hook's, or is old";
            self.counters.count(Cause::ProgressRefused, &self.id, &what);
            return None;
        }
        progress::parse_answer(&message.payload)
            .inspect_err(|cause| self.counters.count(Cause::HookBody, &self.id, cause))
            .ok()
    }

    fn failed(&self, failure: &Failure) -> HookOutcome {
        let cause = match failure {
            Failure::Timeout(_) => Cause::HookTimeout,
            Failure::Forbidden(_) => Cause::HookForbidden,
            Failure::Name(_) | Failure::Link(_) => Cause::HookConnect,
        };
        self.retry(cause, note::clean(failure.to_string().as_bytes()))
    }

    fn retry(&self, cause: Cause, line: String) -> HookOutcome {
        self.counters.count(cause, &self.id, &line);
        HookOutcome::Retry { cause: line }
    }
}
