//! A gateway in this process, on free ports and with a journal of its own, and what one asks it.

mod api;
mod catcher;
mod config;
mod enrolled;
mod process;
mod script;

use std::sync::Arc;
use std::time::Duration;

use muster::clock::Stopwatch;
use muster::gateway::Gateway;
use muster_core::{Level, View};
use tempfile::TempDir;
use tokio::time::timeout;

pub(crate) use api::Api;
pub(crate) use catcher::Catcher;
pub(crate) use config::{Room, SECRET, SITE};
pub(crate) use enrolled::{Enrolled, Shown, shake};
pub(crate) use process::{Process, Tape, begin, run_to_end};
pub(crate) use script::Script;

/// Within this every fact has to come true, on a machine that is busy with other things.
pub(crate) const SOON: Duration = Duration::from_secs(15);
/// Pause between two looks at something that cannot be awaited.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running gateway, its folder, and the receiver of its webhooks.
pub(crate) struct Stand {
    pub(crate) gateway: Gateway,
    pub(crate) catcher: Catcher,
    folder: TempDir,
    room: Room,
    pub(crate) api: Api,
}

impl Stand {
    /// Starts the gateway of a room.
    pub(crate) async fn start(room: Room) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, Catcher::start().await, room).await
    }

    async fn start_in(folder: TempDir, catcher: Catcher, room: Room) -> Self {
        let config = room.config(folder.path(), catcher.address);
        let gateway = Gateway::start(&config, None, Box::new(|_, _| {})).await.unwrap();
        let api = Api::of(gateway.http);
        Self {
            gateway,
            api,
            catcher,
            folder,
            room,
        }
    }

    /// Stops the gateway and starts another one on the same journal.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(Duration::ZERO).await
    }

    /// As [`Stand::restart`], and nobody is there for a while.
    pub(crate) async fn restart_after(self, away: Duration) -> Self {
        self.gateway.stop().await;
        tokio::time::sleep(away).await;
        Self::start_in(self.folder, self.catcher, self.room).await
    }

    /// Puts another room in force, as SIGHUP does.
    pub(crate) async fn reload(&mut self, room: Room) -> Result<(), String> {
        let config = room.config(self.folder.path(), self.catcher.address);
        self.gateway.reload(config).await.map_err(|error| error.to_string())?;
        self.room = room;
        Ok(())
    }

    /// Whether a hook was told to evacuate.
    pub(crate) fn evacuates(&self) -> bool {
        let calls = self.catcher.calls();
        calls.iter().any(|call| call.word("phase") == "evacuate")
    }

    /// Its journal.
    pub(crate) fn journal(&self) -> std::path::PathBuf {
        self.folder.path().join("muster.db")
    }

    /// The broker's port.
    pub(crate) fn mqtt(&self) -> u16 {
        self.gateway.mqtt.unwrap().port()
    }

    /// The last view.
    pub(crate) fn view(&self) -> Arc<View> {
        self.gateway.view.borrow().clone()
    }

    /// The first view of which this is true.
    pub(crate) async fn until(&self, what: &str, is_so: impl FnMut(&View) -> bool) -> Arc<View> {
        self.within(SOON, what, is_so).await.0
    }

    /// As [`Stand::until`], with a bound of the caller's; and how long it took.
    pub(crate) async fn within(
        &self,
        bound: Duration,
        what: &str,
        mut is_so: impl FnMut(&View) -> bool,
    ) -> (Arc<View>, Duration) {
        let since = Stopwatch::start();
        let mut view = self.gateway.view.clone();
        let found = timeout(bound, view.wait_for(|v| is_so(v))).await;
        match found {
            Ok(found) => (found.unwrap().clone(), since.elapsed()),
            Err(_) => panic!("not within {bound:?}: {what}; {:#?}", self.view()),
        }
    }

    /// Nothing has been decided: no vote, no incident, no call, nothing above `watch`.
    pub(crate) fn assert_undecided(&self, after: &str) {
        let view = self.view();
        assert!(view.votes.is_empty(), "after {after}: {:?}", view.votes);
        assert!(view.incident.is_none(), "after {after}: {:?}", view.incident);
        assert!(view.level <= Level::Watch, "after {after}: {}", view.why);
        assert!(self.catcher.calls().is_empty(), "after {after}: a hook was called");
    }
}
