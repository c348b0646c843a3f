//! Who is to be asked at once, by the address its traps come from.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Stopwatch;

/// An agent is asked for a trap's sake at most this often, however many it sends.
const HINT_EVERY: Duration = Duration::from_secs(1);

/// The agents that are polled. Clone freely.
#[derive(Clone, Debug, Default)]
pub struct Hints(Arc<Mutex<BTreeMap<IpAddr, Agent>>>);

/// Everybody who is polled at one address.
#[derive(Debug, Default)]
struct Agent {
    pollers: Vec<Weak<Notify>>,
    woken: Option<Stopwatch>,
}

/// What a trap led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// Its agent is asked at once.
    Now,
    /// It has been a moment ago.
    TooSoon,
    /// Nobody is polled at that address.
    Nobody,
}

/// One poller's end.
#[derive(Debug)]
pub(super) struct Hint {
    hints: Hints,
    notify: Arc<Notify>,
}

impl Hints {
    /// For one poller; as long as it lives.
    pub(super) fn of_one(&self) -> Hint {
        Hint {
            hints: self.clone(),
            notify: Arc::default(),
        }
    }

    /// Whether somebody is polled at this address.
    pub(super) fn knows(&self, from: IpAddr) -> bool {
        let agents = self.agents();
        let agent = agents.get(&from.to_canonical());
        agent.is_some_and(|agent| agent.pollers.iter().any(|poller| poller.strong_count() > 0))
    }

    /// A trap came.
    pub(super) fn wake(&self, from: IpAddr) -> Woken {
        let mut agents = self.agents();
        let Some(agent) = agents.get_mut(&from.to_canonical()) else {
            return Woken::Nobody;
        };
        agent.pollers.retain(|poller| poller.strong_count() > 0);
        if agent.pollers.is_empty() {
            return Woken::Nobody;
        }
        if agent.woken.as_ref().is_some_and(|since| since.elapsed() < HINT_EVERY) {
            return Woken::TooSoon;
        }
        agent.woken = Some(Stopwatch::start());
        let pollers = agent.pollers.iter().filter_map(Weak::upgrade);
        pollers.for_each(|poller| poller.notify_one());
        Woken::Now
    }

    fn agents(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Agent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hint {
    /// Traps from here are this poller's. Called at each connection, because a name may have come to mean another
    /// address.
    pub(super) fn follow(&self, address: IpAddr) {
        let mut agents = self.hints.agents();
        let own = Arc::downgrade(&self.notify);
        agents.retain(|_, agent| {
            agent
                .pollers
                .retain(|poller| poller.strong_count() > 0 && !poller.ptr_eq(&own));
            !agent.pollers.is_empty()
        });
        agents.entry(address.to_canonical()).or_default().pollers.push(own);
    }

    /// Until its agent has sent a trap.
    pub(super) async fn came(&self) {
        self.notify.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn only_who_is_polled_there_is_woken_and_seldom() {
        let hints = Hints::default();
        let hint = hints.of_one();
        assert_eq!(hints.wake(HERE), Woken::Nobody);
        hint.follow(HERE);
        assert!(hints.knows(HERE) && !hints.knows(THERE));
        assert_eq!(hints.wake(HERE), Woken::Now);
        for _ in 0..1_000 {
            assert_eq!(hints.wake(HERE), Woken::TooSoon, "a flood is one poll");
        }
        assert_eq!(hints.wake(THERE), Woken::Nobody);
        let mapped = Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped();
        assert!(hints.knows(mapped.into()), "a socket for both families says it so");
    }

    #[test]
    fn who_moves_or_ends_is_forgotten_where_it_was() {
        let hints = Hints::default();
        let hint = hints.of_one();
        hint.follow(HERE);
        hint.follow(THERE);
        assert!(!hints.knows(HERE) && hints.knows(THERE));
        drop(hint);
        assert_eq!(hints.wake(THERE), Woken::Nobody);
    }
}
