//! A room's incident as simulated devices show it: every channel of the file becomes what its device measures.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_core::{ChannelIx, Millis, SourceIx};
use muster_sim::modbus::DeviceKind;
use muster_sim::{DeviceSpec, FitOut, Room, RoomState, Scenario, Script};
use muster_wire::MICRO;

use super::{Heard, Stage, Track};

/// What a channel's device measures.
type Put = Box<dyn Fn(&mut RoomState, f64) + Send + Sync>;
/// A device ends.
type End = Box<dyn Fn(&mut RoomState) + Send + Sync>;

/// Nodes that the simulated room has places for, and UPSes.
const NODES: usize = 3;
const UPSES: usize = 2;

#[derive(Default)]
struct Made {
    puts: Vec<(Track, Put)>,
    ends: Vec<(Millis, End)>,
    /// What cannot be simulated, one line each.
    refused: Vec<String>,
}

/// The room that shows what the file says, at the story's milliseconds since `zero`.
///
/// # Errors
/// One line for everything that the simulated devices cannot show.
pub fn script(stage: &Stage, zero: Millis, fit_out: &FitOut) -> Result<Script, Vec<String>> {
    let mut made = Made::default();
    for node in &fit_out.nodes {
        let Some(known) = stage.config.nodes.get(&node.id) else {
            continue;
        };
        let channels = known.channels.iter().map(|(signal, c)| (signal, c.channel));
        let place = node.place;
        made.channels(stage, channels, |signal| in_air(place, signal));
        made.end(
            stage,
            known.source,
            Box::new(move |room| room.air[place].temperature_c = 1_000.0),
        );
    }
    for device in &fit_out.devices {
        let Some(known) = stage.config.polled.iter().find(|s| s.id == device.id) else {
            continue;
        };
        let channels = known.channels.iter().map(|(signal, channel)| (signal, *channel));
        let kind = device.kind;
        made.channels(stage, channels, |signal| in_device(kind, signal));
        made.end_device(stage, known.source, device);
    }
    made.count(fit_out);
    made.into_script(zero)
}

impl Made {
    fn channels<'a>(
        &mut self,
        stage: &Stage,
        channels: impl Iterator<Item = (&'a String, ChannelIx)>,
        put: impl Fn(&str) -> Option<Put>,
    ) {
        for (signal, channel) in channels {
            let (track, id) = (
                &stage.tracks[channel.at()],
                &stage.config.site.channels[channel.at()].id,
            );
            match put(signal) {
                _ if !track.is_told() => {}
                _ if track.is_ever_absent() => {
                    self.refused
                        .push(format!("{id}: a simulated device cannot say that it has no value"));
                }
                Some(put) => self.puts.push((track.clone(), put)),
                None => self
                    .refused
                    .push(format!("{id}: its simulated device does not measure `{signal}`")),
            }
        }
    }

    fn end(&mut self, stage: &Stage, source: SourceIx, end: End) {
        let known = stage.ends.get(&source).map_or(&[][..], Vec::as_slice);
        if known.iter().any(|(_, heard)| *heard == Heard::Again) {
            let id = &stage.config.site.sources[source.at()].id;
            self.refused
                .push(format!("{id}: a simulated device that has ended does not come back"));
        }
        self.ends.extend(known.first().map(|(at, _)| (*at, end)));
    }

    fn end_device(&mut self, stage: &Stage, source: SourceIx, device: &DeviceSpec) {
        let end: End = match device.kind {
            DeviceKind::SmartUps(place) => Box::new(move |room| room.ups[place as usize].answers = false),
            DeviceKind::BatteryMonitor { .. } => Box::new(|room| room.battery.answers = false),
            DeviceKind::FirePanel | DeviceKind::ContactModule if stage.ends.contains_key(&source) => {
                let why = format!("{}: a simulated fire panel lives through everything", device.id);
                return self.refused.push(why);
            }
            DeviceKind::FirePanel | DeviceKind::ContactModule => return,
        };
        self.end(stage, source, end);
    }

    fn count(&mut self, fit_out: &FitOut) {
        let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let ups = |kind: DeviceKind| matches!(kind, DeviceKind::SmartUps(_));
        kinds.insert("nodes", (fit_out.nodes.len(), NODES));
        kinds.insert("UPSes", (fit_out.devices.iter().filter(|d| ups(d.kind)).count(), UPSES));
        for (what, (are, most)) in kinds.into_iter().filter(|(_, (are, most))| are > most) {
            self.refused
                .push(format!("{are} {what}: the simulated room has places for {most}"));
        }
    }

    fn into_script(self, zero: Millis) -> Result<Script, Vec<String>> {
        if !self.refused.is_empty() {
            return Err(self.refused);
        }
        let Self { puts, ends, .. } = self;
        let quiet = Room::new(Scenario::Quiet, 0);
        Ok(Arc::new(move |story_ms| {
            let at = story_ms.saturating_add(zero);
            let mut room = quiet.at(0);
            for (track, put) in &puts {
                if let Ok(value) = track.at(at) {
                    put(&mut room, value.0 as f64 / MICRO as f64);
                }
            }
            ends.iter()
                .filter(|(when, _)| *when <= at)
                .for_each(|(_, end)| end(&mut room));
            room
        }))
    }
}

fn in_air(place: usize, signal: &str) -> Option<Put> {
    Some(match signal {
        "smoke" => Box::new(move |room, value| room.air[place].smoke_per_m = value),
        "temperature" => Box::new(move |room, value| room.air[place].temperature_c = value),
        "voc" => Box::new(move |room, value| room.air[place].voc_ppm = value),
        "hydrogen" => Box::new(move |room, value| room.air[place].hydrogen_ppm = value),
        _ => return None,
    })
}

fn in_device(kind: DeviceKind, signal: &str) -> Option<Put> {
    match kind {
        DeviceKind::FirePanel => in_panel(signal),
        DeviceKind::ContactModule => in_module(signal),
        DeviceKind::BatteryMonitor { .. } => in_battery(signal),
        DeviceKind::SmartUps(place) => in_ups(place as usize, signal),
    }
}

fn in_panel(signal: &str) -> Option<Put> {
    Some(match signal {
        "in1" => Box::new(|room, value| room.panel.fire_alarm = value > 0.0),
        "in2" => Box::new(|room, value| room.panel.suppression_discharge = value > 0.0),
        _ => return None,
    })
}

fn in_module(signal: &str) -> Option<Put> {
    Some(match signal {
        "epo" => Box::new(|room, value| room.panel.epo = value > 0.0),
        "suppression_discharge" => Box::new(|room, value| room.panel.suppression_discharge = value > 0.0),
        "fire_first_stage" => Box::new(|room, value| room.panel.first_stage = value > 0.0),
        "fire_second_stage" => Box::new(|room, value| room.panel.fire_alarm = value > 0.0),
        "on_generator" => Box::new(|room, value| room.panel.on_generator = value > 0.0),
        "generator_running" => Box::new(|room, value| room.panel.generator_running = value > 0.0),
        "leak" => Box::new(|room, value| room.panel.leak = value > 0.0),
        "door" => Box::new(|room, value| room.panel.door = value > 0.0),
        _ => return None,
    })
}

fn in_battery(signal: &str) -> Option<Put> {
    Some(match signal {
        "battery_alarm" => Box::new(|room, value| room.battery.alarm = value > 0.0),
        "max_cell_temperature" => Box::new(|room, value| room.battery.cell_max_c = value),
        "string_voltage" => Box::new(|room, value| room.battery.string_v = value),
        "current" => Box::new(|room, value| room.battery.current_a = value),
        "charge" => Box::new(|room, value| room.battery.charge = value),
        _ => return None,
    })
}

fn in_ups(place: usize, signal: &str) -> Option<Put> {
    Some(match signal {
        "on_battery" => Box::new(move |room, value| {
            (room.ups[place].on_battery, room.ups[place].input_on) = (value > 0.0, value <= 0.0);
        }),
        "output_off" => Box::new(move |room, value| room.ups[place].output_on = value <= 0.0),
        "battery_over_temperature" => Box::new(move |room, value| room.ups[place].over_temperature = value > 0.0),
        "runtime" => Box::new(move |room, value| room.ups[place].runtime_s = value),
        "charge" => Box::new(move |room, value| room.ups[place].charge = value),
        "battery_voltage" => Box::new(move |room, value| room.ups[place].battery_v = value),
        "battery_temperature" => Box::new(move |room, value| room.ups[place].battery_c = value),
        "load" => Box::new(move |room, value| room.ups[place].load = value),
        _ => return None,
    })
}
