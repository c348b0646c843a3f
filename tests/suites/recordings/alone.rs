//! The only device of an armed site, in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use muster_core::{ChannelIx, Input, Level, Millis, SourceIx, State, next_deadline, step};
use muster_profiles::Device;

use super::Round;
use crate::stand::Room;

/// Devices are looked at once a second.
const EVERY_MS: Millis = 1_000;
/// Silence long enough for supervision, the death of a neighbour, and any abort window.
const SILENT_MS: Millis = 600_000;

/// See the module.
#[derive(Clone)]
pub(super) struct Alone {
    state: State,
    channels: BTreeMap<String, ChannelIx>,
    now: Millis,
    /// The highest level so far.
    pub(super) highest: Level,
    called: bool,
}

impl Alone {
    /// Read by a shipped profile, with a channel for each of its signals.
    pub(super) fn with(profile: &str, device: &Device) -> Self {
        let more = match device {
            Device::Modbus(_) => "unit = 1",
            Device::Snmp(_) => "community = \"house\"",
            Device::Nut(_) => "ups = \"bat\"",
        };
        let kind = device.kind();
        let source = format!(
            "[[source]]\nid = \"alone\"\nkind = \"{kind}\"\naddress = \"127.0.0.1:9\"\nprofile = \"{profile}\"\nzone = \"room\"\n{more}\n"
        );
        let folder = tempfile::tempdir().unwrap();
        let config = Room::with(&[])
            .and(&source)
            .config(folder.path(), SocketAddr::from(([127, 0, 0, 1], 9)));
        assert!(!config.site.single_group && config.site.armed && !config.site.workloads.is_empty());
        let mut alone = Self {
            state: State::new(),
            channels: config.polled[0].channels.clone(),
            now: 0,
            highest: Level::Normal,
            called: false,
        };
        assert_eq!(alone.channels.len(), device.signals().len());
        alone.step(&Input::Config(config.site.clone()));
        alone.step(&Input::Restore(Vec::new()));
        alone
    }

    /// One round of a poll, and the second after it.
    pub(super) fn hear(&mut self, round: &Round) {
        for (signal, value) in round {
            let reading = Input::Reading {
                channel: self.channels[signal],
                value: *value,
                simulated: false,
                age_ms: 0,
            };
            self.step(&reading);
        }
        self.pass(EVERY_MS);
    }

    /// It is lost, and stays so.
    pub(super) fn falls_silent(&mut self) {
        let why = "it burns, or its cable is cut".to_owned();
        self.step(&Input::Lost {
            source: SourceIx(0),
            why,
        });
        self.pass(SILENT_MS);
    }

    pub(super) fn assert_not_evacuated(&self, what: &str) {
        assert!(self.highest < Level::Evacuate && !self.called, "{what}: evacuates");
    }

    fn pass(&mut self, ms: Millis) {
        let until = self.now + ms;
        while let Some(due) = next_deadline(&self.state).filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.step(&Input::Tick);
        }
        self.now = until;
        self.step(&Input::Tick);
    }

    fn step(&mut self, input: &Input) {
        let mut effects = Vec::new();
        step(&mut self.state, self.now, input, &mut effects);
        self.highest = self.highest.max(self.state.level());
        self.called |= effects.iter().any(evacuates);
    }
}

fn evacuates(effect: &muster_core::Effect) -> bool {
    matches!(effect, muster_core::Effect::FireHook(call) if call.phase == muster_core::Phase::Evacuate)
}
