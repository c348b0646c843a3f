//! This board's channels: the emulator's own sensor, a room's by the bridge, and a device on the serial line.

use muster_node::modbus::MOST_SIGNALS;
use muster_node::sensors::{BoardTemperature, Chips, ROOM_CHANNELS, Room, SUPPLY, Scales, room_channels};
use muster_node::{ChannelSpec, Limit, Sensor};
use muster_wire::Quantity;

use crate::bridge::{Bridge, Wait};
use crate::sbcon::{self, SbCon};
use crate::settings::Settings;

/// The first of the room's channels, behind the board's own.
const ROOM: usize = 1;
/// Where the supply is.
pub(crate) const SUPPLY_AT: usize = ROOM + SUPPLY;
/// The first channel of the device on the serial line.
pub(crate) const LINE_AT: usize = ROOM + ROOM_CHANNELS;
/// All channels of this board.
pub(crate) const CHANNELS: usize = LINE_AT + MOST_SIGNALS;
/// Below this the supply sags. Millivolts.
const SUPPLY_ALARM_MV: u32 = 10_500;

/// The chips on the host.
type BridgedChips = Chips<Bridge, Bridge, Wait>;

/// The channels, and the tick that fits their periods. Without a room, the board's own sensor measures the air.
pub(crate) fn channels(settings: &Settings) -> ([ChannelSpec<'static>; CHANNELS], u64) {
    let mut room = room_channels(SUPPLY_ALARM_MV);
    if !settings.room {
        room = [ChannelSpec::NONE; ROOM_CHANNELS];
    } else if settings.supply_ms == 0 {
        room[SUPPLY] = ChannelSpec::NONE;
    }
    let tick_ms = settings.schedule.plan(settings.sample_ms, &mut room);
    let tick_ms = tick_ms.unwrap_or_else(|| panic!("settings: the periods have no common tick of 10 ms or more"));
    let own = if settings.room {
        "board-temperature"
    } else {
        "temperature"
    };
    let mut channels = [ChannelSpec::NONE; CHANNELS];
    channels[0] = ChannelSpec {
        alarm: Some(Limit::above(45)),
        ..ChannelSpec::every_tick(own, Quantity::Temperature)
    };
    channels[0].every = u16::try_from(settings.sample_ms / tick_ms).unwrap_or(u16::MAX);
    channels[ROOM..LINE_AT].copy_from_slice(&room);
    if let Some(map) = settings.line.map {
        channels[LINE_AT..].copy_from_slice(&map.channels());
    }
    (channels, tick_ms)
}

/// Opens the bus to the host.
pub(crate) fn chips() -> BridgedChips {
    let bus = Bridge::start();
    Chips::new(|| bus, bus, Wait, &Scales::default())
}

/// The board's own sensor, and the room's.
pub(crate) struct Sensors<'c> {
    own: BoardTemperature<SbCon>,
    pub(crate) room: Room<'c, Bridge, Bridge, Wait>,
}

impl<'c> Sensors<'c> {
    /// The first `warmup` samples of the gas sensors are not believed.
    pub(crate) fn new(chips: &'c BridgedChips, warmup: u32) -> Self {
        Self {
            own: BoardTemperature::new(sbcon::SENSORS),
            room: Room::new(chips, Bridge, Wait, &Scales::default(), warmup),
        }
    }

    /// All of them, in the order of the channels.
    pub(crate) fn all(&mut self) -> [&mut dyn Sensor; LINE_AT] {
        let [a, b, c, d, e, f, g, h] = self.room.all();
        [&mut self.own, a, b, c, d, e, f, g, h]
    }
}
