//! This board's room: the sensors of a battery room, by the bridge, and the emulator's own on the board.

use muster_node::ChannelSpec;
use muster_node::sensors::{BoardTemperature, Chips, ROOM_CHANNELS, Room, Scales, above, room_channels};
use muster_wire::Quantity;

use crate::bridge::{Bridge, Wait};
use crate::sbcon::{self, SbCon};

/// The chips on the host.
pub(crate) type BridgedChips = Chips<Bridge, Bridge, Wait>;

/// The channels. Without a room, the board's own sensor measures the air.
pub(crate) fn channels(room: bool) -> [ChannelSpec<'static>; ROOM_CHANNELS] {
    let own = ChannelSpec {
        alarm: Some(above(45)),
        ..ChannelSpec::every_tick("board-temperature", Quantity::Temperature)
    };
    let mut channels = room_channels(own);
    if !room {
        channels[1..].iter_mut().for_each(|channel| channel.every = 0);
        channels[0].name = "temperature";
        channels[1].name = "room-temperature";
    }
    channels
}

/// Opens the bus to the host.
pub(crate) fn chips() -> BridgedChips {
    let bus = Bridge::start();
    Chips::new(|| bus, bus, Wait, &Scales::default())
}

/// The board's own sensor, and the room's. The first `warmup` samples of the gas sensors are not believed.
pub(crate) fn sensors(chips: &BridgedChips, warmup: u32) -> (BoardTemperature<SbCon>, Room<'_, Bridge, Bridge, Wait>) {
    let own = BoardTemperature::new(sbcon::SENSORS);
    (own, Room::new(chips, Bridge, Wait, &Scales::default(), warmup))
}
