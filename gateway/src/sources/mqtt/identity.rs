//! Who may say what: a client speaks for the node whose id is its client id, and for no other.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mqtt5::broker::auth::{AuthProvider, AuthResult};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::types::ReasonCode;
use muster_wire::{Topic, TopicKind, is_id};

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

/// One connection without a certificate: its client id is its name, unproven. That is why all nodes of such a listener
/// are one group (design §5).
pub(super) struct Unproven {
    site: Arc<str>,
    ingest: Arc<Ingest>,
    counters: Counters,
    refused: AtomicBool,
}

impl Unproven {
    pub(super) fn new(site: Arc<str>, ingest: Arc<Ingest>, counters: Counters) -> Self {
        Self {
            site,
            ingest,
            counters,
            refused: AtomicBool::new(false),
        }
    }

    /// Its login was refused here, and counted.
    pub(super) fn has_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    fn refusal(&self, connect: &ConnectPacket) -> Option<String> {
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

impl AuthProvider for Unproven {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        from: SocketAddr,
    ) -> Answer<'a, mqtt5::Result<AuthResult>> {
        Box::pin(async move {
            Ok(match self.refusal(connect) {
                None => AuthResult::success(),
                Some(why) => {
                    self.refused.store(true, Ordering::Relaxed);
                    self.counters.count(
                        Cause::Identity,
                        &format!("{} at {from}", connect.client_id.escape_debug()),
                        &why,
                    );
                    AuthResult::fail_with_reason(ReasonCode::NotAuthorized, why)
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
