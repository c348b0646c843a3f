//! The roll of devices for the page: called once for everybody who looks, and only while somebody does.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use super::{Device, all};
use crate::api::serve::Room;
use crate::clock::Stopwatch;

/// The roll is called so often while a page is open.
const EVERY: Duration = Duration::from_secs(1);
/// A page that is opened is drawn with a roll no older than this.
const FRESH: Duration = Duration::from_secs(2);
/// A roll older than this says so: some calls in a row were not answered.
pub(in crate::api) const OLD: Duration = Duration::from_secs(5);

/// As they last answered.
#[derive(Debug)]
pub(in crate::api) struct Called {
    /// In order of their ids.
    pub(in crate::api) devices: Vec<Device>,
    at: Stopwatch,
}

impl Called {
    /// How long ago, where that is too long.
    pub(in crate::api) fn old(&self) -> Option<Duration> {
        let age = self.at.elapsed();
        (age > OLD).then_some(age)
    }
}

/// The last call. Never held across a wait.
#[derive(Debug, Default)]
pub(crate) struct Roll {
    last: RwLock<Option<Arc<Called>>>,
    calling: Mutex<()>,
}

impl Roll {
    /// None before the first call was answered.
    pub(in crate::api) fn last(&self) -> Option<Arc<Called>> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Calls the roll unless it was called a moment ago, or somebody is at it: one question is enough for everybody, and
/// nobody waits behind another's.
pub(in crate::api) async fn call(room: &Room) {
    let roll = &room.roll;
    if roll.last().is_some_and(|called| called.at.elapsed() < FRESH) {
        return;
    }
    renew(room).await;
}

async fn renew(room: &Room) {
    let Ok(_calling) = room.roll.calling.try_lock() else {
        return;
    };
    // An engine that does not answer leaves the old one, whose age tells.
    if let Ok(devices) = all(room).await {
        let called = Called {
            devices,
            at: Stopwatch::start(),
        };
        *room.roll.last.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(called));
    }
}

/// Calls it for as long as it is polled, while a page is open.
pub(in crate::api) async fn keep(room: Arc<Room>) {
    let mut beat = interval(EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        if room.frames.page_is_open() {
            renew(&room).await;
        }
    }
}
