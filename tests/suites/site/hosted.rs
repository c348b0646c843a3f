//! A gateway inside the test, for what needs no process of its own.

use std::sync::{Arc, Mutex};

use muster::clock::Clock;
use muster::gateway::Gateway;
use muster_core::Event;
use tempfile::TempDir;

use super::acting_site::SiteText;
use super::alarm_node::{AlarmNode, both};
use super::talk::{self, Api};

/// A running gateway with both its nodes.
pub(crate) struct Hosted {
    pub(crate) gateway: Gateway,
    pub(crate) api: Api,
    pub(crate) nodes: [AlarmNode; 2],
    events: Arc<Mutex<Vec<Event>>>,
    folder: TempDir,
}

impl Hosted {
    /// Starts a site in real time.
    pub(crate) async fn start(site: &SiteText) -> Self {
        Self::start_at(site, 1).await
    }

    /// Starts a site whose clock runs `speed` times faster.
    pub(crate) async fn start_at(site: &SiteText, speed: u32) -> Self {
        let folder = TempDir::new().unwrap();
        let text = site.toml(&folder.path().join("journal.db"));
        let (config, _) = muster::config::parse(&text, &folder.path().join("site.toml")).unwrap();
        let clock = (speed > 1).then(|| {
            let clock = Clock::starting_at(0);
            clock.set_speed(speed);
            clock
        });
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let listener = Box::new(move |_: i64, event: &Event| seen.lock().unwrap().push(event.clone()));
        let gateway = Gateway::start(&config, clock, listener).await.unwrap();
        Self {
            api: Api::new(gateway.http),
            nodes: both(gateway.mqtt.unwrap(), 1),
            gateway,
            events,
            folder,
        }
    }

    /// The fire: both nodes alarm.
    pub(crate) async fn burn(&mut self) {
        for node in &mut self.nodes {
            node.alarm().await;
        }
    }

    /// Everything said so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// Waits for an event of this subject whose line contains some words.
    pub(crate) async fn until_said(&self, subject: &str, words: &str) -> Event {
        let fits = |e: &Event| e.subject == subject && e.line.contains(words);
        talk::until(&format!("{subject}: {words}"), || self.events().into_iter().find(fits)).await
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}
