//! Another config for a running gateway: refused as a whole, or in force everywhere.
//!
//! First everything that can fail, then the engine, which changes between two inputs; from there on nothing can fail.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_core::Input;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Gateway;
use crate::config::{Config, MqttWay, PollWay, Polled, Sensor};
use crate::engine::Reload;
use crate::epoch::Translation;
use crate::hooks::webhook::Limits;
use crate::hooks::{ClientError, Hook};
use crate::lanes::Control;
use crate::lines;
use crate::notify::{self, Ready};
use crate::runner::{self, RunnerError};
use crate::sources::snmp::traps::Traps;
use crate::sources::{modbus, nut, snmp};

/// The part of Muster that is in trouble while a new config is refused.
const PART: &str = "config";

/// Why a config was refused; the one before it stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// It changes what cannot change in a running gateway.
    #[error("{keys} cannot change while it runs: restart to take it")]
    Fixed {
        /// The keys, as in `[http] listen`.
        keys: String,
    },
    /// Its hooks cannot be called.
    #[error("its hooks cannot be called")]
    Hooks(#[source] RunnerError),
    /// Its places outside cannot be told.
    #[error("its places outside cannot be told")]
    Notify(#[source] ClientError),
    /// The decision cannot go on with it.
    #[error("{why}")]
    Refused {
        /// One line.
        why: String,
    },
    /// There is no engine any more.
    #[error("the engine has ended")]
    Ended,
}

/// Devices that are polled by one task: those of a Modbus port, or one.
pub(super) struct Poller {
    sources: Vec<Polled>,
    task: JoinHandle<()>,
}

/// Who listens for SNMP's traps.
pub(super) struct TrapListener {
    traps: Traps,
    task: JoinHandle<()>,
}

impl Gateway {
    /// Puts another config in force. Votes, incidents, steps under way, connections and marks go on. Names what has changed
    /// beside the decision, of which the engine tells.
    ///
    /// # Errors
    /// Why it was refused; then nothing has changed.
    pub async fn reload(&mut self, next: Config) -> Result<Vec<&'static str>, ReloadError> {
        let keys = fixed(&self.config, &next);
        if !keys.is_empty() {
            let keys = keys.join(", ");
            return Err(ReloadError::Fixed { keys });
        }
        let hooks = runner::ready(next.hooks.clone(), &self.clock, &self.counters, Limits::default());
        let hooks = hooks.map_err(ReloadError::Hooks)?;
        let places = Ready::new(&next.notify, notify::Limits::default()).map_err(ReloadError::Notify)?;
        self.ask_engine(&next, hooks).await?;
        Ok(self.follow(next, places).await)
    }

    /// Says, until a good one comes, that a config was refused and another one is in force.
    pub async fn refuse_config(&self, why: &str) {
        let line = format!("the new config was refused, the old one stays in force: {why}");
        self.say_config(Some(line)).await;
    }

    async fn say_config(&self, trouble: Option<String>) {
        let part = PART.into();
        // An engine that is gone has nobody to tell.
        let _ = self
            .lanes
            .control
            .send(Control::Input(Input::Own { part, trouble }))
            .await;
    }

    async fn ask_engine(&mut self, next: &Config, hooks: Vec<Arc<Hook>>) -> Result<(), ReloadError> {
        let epoch = self.lanes.epoch.next();
        let (answer, answered) = oneshot::channel();
        let reload = Reload {
            site: next.site.clone(),
            hooks,
            epoch: epoch.clone(),
            translation: Translation::between(&self.config, next),
            answer,
        };
        let handed_over = self.lanes.control.send(Control::Reload(Box::new(reload))).await;
        handed_over.map_err(|_| ReloadError::Ended)?;
        // Without a deadline: given up on, it might be taken all the same. An engine that hangs ends with the process.
        let taken = answered.await.map_err(|_| ReloadError::Ended)?;
        taken.map_err(|why| ReloadError::Refused { why })?;
        self.lanes = self.lanes.under(epoch);
        Ok(())
    }

    /// Every part that goes by the config, one line each. A part for which nothing has changed goes on undisturbed; one
    /// for which something has is changed in place, or stopped and started. None of this can fail.
    async fn follow(&mut self, next: Config, places: Ready) -> Vec<&'static str> {
        let mut changed = beside_the_decision(&self.config, &next);
        self.people.replace(&next);
        if let Some(notifier) = &mut self.notifier {
            notifier.replace(places).await;
            self.gauges.set_notify(notifier.figures());
        }
        self.ingest.reload(&next, self.lanes.clone());
        self.poll(&next).await;
        self.keeping.keep_ms(next.store.keep_ms);
        // The check has read them a moment ago; should they have changed since, the old ones stay and it is said.
        let read = next.mqtt.tls().map(|files| self.reload_tls(files));
        self.bridging.send_replace(super::readying::part_of(&next, self.http));
        self.config = next;
        let unread = match read.transpose() {
            Ok(renewed) => {
                changed.extend((renewed == Some(true)).then_some("certificates of MQTT"));
                None
            }
            Err(error) => Some(lines::with_causes(&error)),
        };
        self.say_config(unread).await;
        changed
    }

    /// Polls the devices of a config. A task whose device and registers are the same goes on with its connection; the
    /// engine translates what it sends.
    pub(super) async fn poll(&mut self, config: &Config) {
        let mut running = std::mem::take(&mut self.pollers);
        let (mut parties, mut anew) = (parties(&config.polled), Vec::new());
        while let Some(party) = parties.pop() {
            let same = running
                .iter()
                .position(|p| are_same(&self.config, &p.sources, config, &party));
            match same {
                Some(at) => self.pollers.push(running.swap_remove(at)),
                None => anew.push(party),
            }
        }
        for Poller { task, .. } in running {
            task.abort();
            // Its connection is closed before another asks the same device.
            let _ = task.await;
        }
        self.polls.keep(&config.polled);
        for sources in anew {
            let task = self.spawn_poller(&sources, config.site.simulated);
            self.pollers.extend(task.map(|task| Poller { sources, task }));
        }
        self.hear_traps(config).await;
    }

    /// None for nobody.
    fn spawn_poller(&self, party: &[Polled], simulated: bool) -> Option<JoinHandle<()>> {
        let (lanes, counters, clock) = (self.lanes.clone(), self.counters.clone(), self.clock.clone());
        let modbus = |source: &Polled| Some((source.clone().by(source.modbus()?.clone()), self.polls.open(source)));
        let devices: Vec<_> = party.iter().filter_map(modbus).collect();
        if !devices.is_empty() {
            return Some(modbus::spawn(devices, lanes, counters, clock, simulated));
        }
        let source = party.first()?.clone();
        let polling = self.polls.open(&source);
        Some(match source.way.clone() {
            // Its port has been polled above.
            PollWay::Modbus(_) => return None,
            PollWay::Nut(way) => nut::spawn(source.by(way), lanes, counters, clock, simulated, polling),
            PollWay::Snmp(way) => {
                let ways = (lanes, counters, clock);
                snmp::spawn(source.by(way), ways, simulated, &self.hints, polling)
            }
        })
    }

    /// Listens for the traps of the agents of a config; a listener for whom nothing has changed goes on.
    async fn hear_traps(&mut self, config: &Config) {
        let next = Traps::of(config);
        if self.traps.as_ref().map(|listener| &listener.traps) == next.as_ref() {
            return;
        }
        if let Some(TrapListener { task, .. }) = self.traps.take() {
            task.abort();
            // Its port is free before the next one asks for it.
            let _ = task.await;
        }
        self.traps = next.map(|traps| TrapListener {
            task: traps
                .clone()
                .spawn(self.hints.clone(), self.counters.clone(), self.lanes.clone()),
            traps,
        });
    }

    pub(super) fn stop_polling(&self) {
        self.pollers.iter().for_each(|polled| polled.task.abort());
        self.traps.iter().for_each(|listener| listener.task.abort());
    }
}

/// The devices by who polls them: those of one Modbus port together, each other one by itself; the last ones first.
fn parties(polled: &[Polled]) -> Vec<Vec<Polled>> {
    let mut parties: Vec<Vec<Polled>> = Vec::new();
    let mut of_port: BTreeMap<String, usize> = BTreeMap::new();
    for source in polled {
        let bus = source.modbus().map(|way| way.port.bus());
        let known = bus.as_ref().and_then(|bus| of_port.get(bus));
        if let Some(party) = known.and_then(|at| parties.get_mut(*at)) {
            party.push(source.clone());
            continue;
        }
        of_port.extend(bus.map(|bus| (bus, parties.len())));
        parties.push(vec![source.clone()]);
    }
    parties.reverse();
    parties
}

/// Whether the very same devices are asked for the same signals in the same way.
fn are_same(was_in: &Config, was: &[Polled], is_in: &Config, is: &[Polled]) -> bool {
    let alike = |(was, is): (&Polled, &Polled)| is_same(was_in, was, is_in, is);
    was.len() == is.len() && was.iter().zip(is).all(alike)
}

/// Whether a device is asked for the same signals in the same way, into channels of the same ids.
fn is_same(was_in: &Config, was: &Polled, is_in: &Config, is: &Polled) -> bool {
    let channels = |config: &'_ Config, source: &'_ Polled| -> Vec<(String, String)> {
        let id = |channel: &muster_core::ChannelIx| config.site.channels[channel.at()].id.clone();
        source
            .channels
            .iter()
            .map(|(signal, c)| (signal.clone(), id(c)))
            .collect()
    };
    was.is_asked_alike(is) && channels(was_in, was) == channels(is_in, is)
}

/// What an outside broker has been asked for; it is asked once a line.
fn topics(config: &Config) -> Option<(bool, Vec<&str>)> {
    let sensors = || config.sensors.iter().flat_map(Sensor::all_topics);
    matches!(config.mqtt.way, MqttWay::Connect(_)).then(|| (config.nodes.is_empty(), sensors().collect()))
}

/// What has changed of which the engine does not know: by the names of the keys.
fn beside_the_decision(old: &Config, new: &Config) -> Vec<&'static str> {
    let parts = [
        ("tokens of [[principal]]", old.token_hashes == new.token_hashes),
        ("[[hook]]", old.hooks == new.hooks),
        ("[[notify]]", old.notify == new.notify),
        ("[[destination]], [[tool]] or [muster]", old.bridges == new.bridges),
        ("[[drill]]", old.drills == new.drills),
        ("polled devices of [[source]]", alike(&old.polled, &new.polled)),
        ("[store]", old.store == new.store),
    ];
    let changed = parts.into_iter().filter(|(_, same)| !same);
    changed.map(|(part, _)| part).collect()
}

fn alike(old: &[Polled], new: &[Polled]) -> bool {
    old.len() == new.len() && old.iter().zip(new).all(|(was, is)| was.is_asked_alike(is))
}

/// What a running gateway cannot change, and would be changed: by the names of the keys.
fn fixed(old: &Config, new: &Config) -> Vec<&'static str> {
    let keys = [
        ("[site] id", old.site.id == new.site.id),
        ("[site] simulated", old.site.simulated == new.site.simulated),
        ("[mqtt]", old.mqtt == new.mqtt),
        ("the topics of an outside broker", topics(old) == topics(new)),
        ("[http] listen", old.http.listen == new.http.listen),
        ("[http] public_url", old.http.public_url == new.http.public_url),
        ("[nut] (but for its [[nut.ups]])", old.nut == new.nut),
        ("[store] path", old.store.path == new.store.path),
    ];
    keys.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
}
