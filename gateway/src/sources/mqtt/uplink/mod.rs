//! Somebody else's broker: we are a client of it, and everything it brings has only the topic as its sender.

mod answers;
mod guard;
mod hands;
mod keep;
mod pause;
mod port;
mod pulse;
mod voice;
mod vouch;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::acks::Waiting;
use super::{Broker, BrokerError};
use crate::config::{Config, Connect, TlsFiles};
use crate::counters::Counters;
use crate::ingest::Ingest;
use crate::lanes::{Lanes, Mark};

/// A line to somebody else's broker, kept for as long as this lives.
pub struct Uplink {
    acks: Arc<Waiting>,
    tasks: Vec<JoinHandle<()>>,
}

impl Uplink {
    /// Begins to connect, and returns at once: a broker that is away is trouble, and no reason not to start.
    #[must_use]
    pub fn start(config: &Config, connect: &Connect, ingest: Arc<Ingest>, lanes: Lanes, counters: Counters) -> Self {
        let acks = Arc::new(Waiting::default());
        let site = &config.site.id;
        let client_id = connect.client_id(site);
        let pulse = pulse::Pulse::new(site, &client_id);
        let (hands, carriers) = hands::Hands::new(&ingest, counters);
        let keeper = keep::Keeper {
            filters: filters(config, &pulse.topic),
            connect: connect.clone(),
            client_id,
            speak: port::Speak::V5,
            pulse,
            hands,
            voice: voice::Voice::new(connect.to_string(), ingest, lanes),
            acks: acks.clone(),
            told: BTreeMap::new(),
            site: site.clone(),
        };
        let mut tasks = Vec::from(carriers);
        tasks.push(tokio::spawn(keeper.keep()));
        Self { acks, tasks }
    }
}

impl Broker for Uplink {
    fn address(&self) -> Option<SocketAddr> {
        None
    }

    fn acknowledge(&self, mark: &Mark) {
        self.acks.put(mark);
    }

    /// Each new line reads its files by itself.
    fn reload_tls(&self, _: &TlsFiles) -> Result<bool, BrokerError> {
        Ok(false)
    }

    fn stop(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Where nodes speak, where other people's sensors speak, and where we hear ourselves.
fn filters(config: &Config, pulse: &str) -> Vec<String> {
    let kinds = ["alarm", "data", "birth", "state"]
        .into_iter()
        .filter(|_| !config.nodes.is_empty());
    let nodes = kinds.map(|kind| format!("muster/v1/{}/+/{kind}", config.site.id));
    let sensors = config
        .sensors
        .iter()
        .flat_map(|sensor| sensor.all_topics().map(str::to_owned));
    std::iter::once(pulse.to_owned()).chain(nodes).chain(sensors).collect()
}
