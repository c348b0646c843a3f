//! Who may say what: a client speaks for the node whose id is its client id, and for no other.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mqtt5::MqttError;
use mqtt5::broker::auth::{AuthProvider, AuthResult};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::types::ReasonCode;
use muster_wire::{Topic, TopicKind, is_id};
use tokio::sync::Notify;

use super::clients::{Clients, Full, Place};
use super::listener::Parts;
use crate::counters::{Cause, Counters};
use crate::ingest::{Guest, Ingest};

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Longest keep-alive: a dead connection is noticed within one and a half times this. Seconds.
const MAX_KEEP_ALIVE_S: u16 = 120;

/// Refuses everybody: the broker's own listener is not for use.
pub(super) struct Refusing;

impl AuthProvider for Refusing {
    fn authenticate<'a>(&'a self, _: &'a ConnectPacket, _: SocketAddr) -> Answer<'a, mqtt5::Result<AuthResult>> {
        Box::pin(async { Ok(AuthResult::fail(ReasonCode::NotAuthorized)) })
    }
    fn authorize_publish<'a>(&'a self, _: &str, _: Option<&'a str>, _: &'a str) -> Answer<'a, bool> {
        Box::pin(async { false })
    }
    fn authorize_subscribe<'a>(&'a self, _: &str, _: Option<&'a str>, _: &'a str) -> Answer<'a, bool> {
        Box::pin(async { false })
    }
}

/// One connection. With a certificate its owner is proven, and its client id has to be the certificate's name. Without one
/// the client id is its name, unproven: that is why all nodes of such a listener are one group (design §5).
pub(super) struct Speaker {
    proven: Option<String>,
    site: Arc<str>,
    ingest: Arc<Ingest>,
    clients: Arc<Clients>,
    counters: Counters,
    refused: AtomicBool,
    place: Mutex<Option<Place>>,
    admitted: Notify,
}

impl Speaker {
    pub(super) fn new(proven: Option<String>, parts: &Parts) -> Self {
        Self {
            proven,
            site: parts.site.clone(),
            ingest: parts.ingest.clone(),
            clients: parts.clients.clone(),
            counters: parts.counters.clone(),
            refused: AtomicBool::new(false),
            place: Mutex::default(),
            admitted: Notify::new(),
        }
    }

    /// Resolves once its login is complete and it has a place; what that gives resolves when it has to leave it.
    pub(super) async fn admitted(&self) -> impl Future<Output = ()> + use<> {
        self.admitted.notified().await;
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let leave = place.as_ref().map(Place::asked_to_leave);
        async move {
            match leave {
                Some(leave) => leave.await,
                None => std::future::pending().await,
            }
        }
    }

    /// Counts how it ended, unless that was as it should be, or has been counted.
    pub(super) fn account_for(&self, ended: mqtt5::Result<()>, from: SocketAddr) {
        let Err(error) = ended else { return };
        if error.is_normal_disconnect() || self.refused.load(Ordering::Relaxed) {
            return;
        }
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let who = place
            .as_ref()
            .map_or_else(|| from.to_string(), |place| format!("{} at {from}", place.id()));
        self.counters.count(cause(&error), &who, &error);
    }

    /// Takes its place, or says why it may not.
    fn admit(&self, connect: &ConnectPacket, from: SocketAddr) -> Result<(), (Cause, ReasonCode, String)> {
        let refuse = |cause, what| (cause, ReasonCode::NotAuthorized, what);
        let known = self.ingest.knows(&connect.client_id);
        if let Some(name) = &self.proven {
            if *name != connect.client_id {
                let what = format!("the certificate of {name} says that it is {:?}", connect.client_id);
                return Err(refuse(Cause::Identity, what));
            }
            if !known {
                let what = "a good certificate, but no such node in the config".into();
                return Err(refuse(Cause::UnknownNode, what));
            }
        }
        if let Some(what) = self.fault(connect) {
            return Err(refuse(Cause::Identity, what));
        }
        let place = self.clients.enter(&connect.client_id, known, from).map_err(|Full| {
            let what = "all places are taken; connection closed".into();
            (Cause::ClientLimit, ReasonCode::ServerBusy, what)
        })?;
        if let Some(before) = place.taken_from {
            let what = format!("it takes over from {before}; if that is no restart, somebody else has its name");
            self.counters.count(Cause::TakeOver, &named(connect, from), &what);
        }
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        Ok(())
    }

    /// What no login may have.
    fn fault(&self, connect: &ConnectPacket) -> Option<String> {
        if !is_id(&connect.client_id) && self.ingest.guest(&connect.client_id).is_none() {
            return Some("client id is not [a-z0-9-]{1,32}".into());
        }
        if connect.keep_alive == 0 || connect.keep_alive > MAX_KEEP_ALIVE_S {
            return Some(format!(
                "keep-alive {} s; 1 to {MAX_KEEP_ALIVE_S} is allowed",
                connect.keep_alive
            ));
        }
        let will = connect.will.as_ref()?;
        (!self.may_speak(&connect.client_id, &will.topic)).then(|| format!("a last will on {:?}", will.topic))
    }

    /// As the node of its name, or as somebody else's device that the config names.
    fn may_speak(&self, client: &str, topic: &str) -> bool {
        own(topic, client, &self.site) || self.ingest.guest(client).is_some_and(|guest| guest.may_speak(topic))
    }
}

fn named(connect: &ConnectPacket, from: SocketAddr) -> String {
    format!("{} at {from}", connect.client_id.escape_debug())
}

fn cause(error: &MqttError) -> Cause {
    match error {
        MqttError::PacketTooLarge { .. } => Cause::Oversized,
        // Before the login our own deadline comes first, so this is a write that stalled.
        MqttError::Timeout => Cause::SlowReader,
        MqttError::KeepAliveTimeout | MqttError::Io(_) => Cause::Broken,
        MqttError::InvalidClientId(_) | MqttError::AuthenticationFailed | MqttError::NotAuthorized => Cause::Identity,
        _ => Cause::Malformed,
    }
}

/// A topic of this client's node, on which nodes speak.
fn own(topic: &str, client: &str, site: &str) -> bool {
    let spoken = |kind: TopicKind<'_>| {
        matches!(
            kind,
            TopicKind::Data | TopicKind::Alarm | TopicKind::Birth | TopicKind::State
        )
    };
    Topic::parse(topic).is_ok_and(|t| t.site == site && t.node == client && spoken(t.kind))
}

/// `muster/v1/{site}/{client}/cmd/#`, `…/cmd/{verb}` and `…/ack`; never a wildcard that reaches further.
fn may_hear(filter: &str, client: &str, site: &str) -> bool {
    let Some(rest) = filter.strip_prefix(&format!("muster/v1/{site}/{client}/")) else {
        return false;
    };
    rest == "ack" || rest == "cmd/#" || rest.strip_prefix("cmd/").is_some_and(is_id)
}

impl AuthProvider for Speaker {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        from: SocketAddr,
    ) -> Answer<'a, mqtt5::Result<AuthResult>> {
        Box::pin(async move {
            Ok(match self.admit(connect, from) {
                Ok(()) => {
                    self.admitted.notify_one();
                    AuthResult::success()
                }
                Err((cause, reason, why)) => {
                    self.refused.store(true, Ordering::Relaxed);
                    self.counters.count(cause, &named(connect, from), &why);
                    AuthResult::fail_with_reason(reason, why)
                }
            })
        })
    }

    fn authorize_publish<'a>(&'a self, client: &str, _: Option<&'a str>, topic: &'a str) -> Answer<'a, bool> {
        let allowed = self.may_speak(client, topic);
        if !allowed {
            self.counters
                .count(Cause::Identity, client, &format!("published on {:?}", topic));
        }
        Box::pin(async move { allowed })
    }

    fn authorize_subscribe<'a>(&'a self, client: &str, _: Option<&'a str>, filter: &'a str) -> Answer<'a, bool> {
        let as_guest = self.ingest.guest(client).is_some() && Guest::may_hear(filter);
        let allowed = as_guest || may_hear(filter, client, &self.site);
        if !allowed {
            self.counters
                .count(Cause::Identity, client, &format!("subscribed to {:?}", filter));
        }
        Box::pin(async move { allowed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_speaks_for_itself_only() {
        assert!(own("muster/v1/s/node-1/alarm", "node-1", "s"));
        for topic in [
            "muster/v1/s/node-2/alarm",
            "muster/v1/x/node-1/alarm",
            "muster/v1/s/node-1/ack",
            "muster/v1/s/node-1/cmd/x",
            "other",
        ] {
            assert!(!own(topic, "node-1", "s"), "{topic}");
        }
    }

    #[test]
    fn a_client_hears_its_own_orders_only() {
        for filter in [
            "muster/v1/s/node-1/cmd/#",
            "muster/v1/s/node-1/ack",
            "muster/v1/s/node-1/cmd/rebirth",
        ] {
            assert!(may_hear(filter, "node-1", "s"), "{filter}");
        }
        for filter in [
            "#",
            "+/#",
            "$share/g/muster/v1/s/node-1/cmd/#",
            "muster/v1/s/+/cmd/#",
            "muster/v1/s/node-2/cmd/#",
            "muster/v1/s/node-1/#",
        ] {
            assert!(!may_hear(filter, "node-1", "s"), "{filter}");
        }
    }
}
