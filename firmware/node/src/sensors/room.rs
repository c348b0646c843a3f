//! What a node in a battery room measures: the air, the gas, the line and the string, and one sensor of the board's own.

use core::cell::RefCell;

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;
use muster_wire::{MICRO, Micro, Quantity};

use super::{
    Adc, AdcInput, Climate, Humidity, Hydrogen, HydrogenScale, Line, LineVolts, Shunt, StringCurrent, StringMonitor,
    StringVoltage, Temperature, Voc, VocScale,
};
use crate::{ChannelSpec, Debounce, Limit, Sensor};

/// Channels of such a node; the board's own is the first.
pub const ROOM_CHANNELS: usize = 8;

/// Name, quantity, and the limit beyond which every sample goes out at once: at or below the gateway's own.
const ROWS: [(&str, Quantity, Option<i64>); ROOM_CHANNELS - 1] = [
    ("temperature", Quantity::Temperature, Some(45)),
    ("humidity", Quantity::Humidity, None),
    ("voc", Quantity::Voc, Some(10)),
    ("hydrogen", Quantity::Hydrogen, Some(1_000)),
    ("fire-contact", Quantity::FireAlarm, Some(1)),
    ("voltage", Quantity::Voltage, None),
    ("current", Quantity::Current, None),
];

/// The channels of a room behind the board's own.
#[must_use]
pub fn room_channels(own: ChannelSpec<'static>) -> [ChannelSpec<'static>; ROOM_CHANNELS] {
    let mut channels = [own; ROOM_CHANNELS];
    for (channel, (name, quantity, alarm)) in channels.iter_mut().skip(1).zip(ROWS) {
        *channel = ChannelSpec {
            alarm: alarm.map(above),
            ..ChannelSpec::every_tick(name, quantity)
        };
    }
    channels
}

/// A limit from below, that clears a tenth back.
#[must_use]
pub const fn above(units: i64) -> Limit {
    Limit {
        set: Micro(units * MICRO),
        clear: Micro(units * MICRO * 9 / 10),
        above: true,
    }
}

impl<'a> ChannelSpec<'a> {
    /// Sampled at every tick, reported when it has moved by half a unit; no alarm and no checks but the quantity's range.
    #[must_use]
    pub const fn every_tick(name: &'a str, quantity: Quantity) -> Self {
        Self {
            name,
            quantity,
            alarm: None,
            report_delta: Some(Micro(MICRO / 2)),
            max_rate_per_s: None,
            stuck_after_ms: None,
            every: 1,
            last_gasp: false,
        }
    }
}

/// What calibration finds out; the defaults are those of the parts as drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scales {
    /// Of the VOC sensor.
    pub voc: VocScale,
    /// Of the hydrogen transmitter.
    pub hydrogen: HydrogenScale,
    /// Of the supervised line.
    pub line: LineVolts,
    /// Of the string's shunt and divider.
    pub shunt: Shunt,
}

/// The chips that several sensors share: on the sensors' bus, and the string's on its own or the same.
pub struct Chips<I2C, S, D> {
    climate: RefCell<Climate<I2C, D>>,
    adc: Adc<I2C>,
    string: RefCell<StringMonitor<S>>,
}

impl<I2C, S, D> core::fmt::Debug for Chips<I2C, S, D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Chips(…)")
    }
}

impl<I2C: I2c, S: I2c, D: DelayNs> Chips<I2C, S, D> {
    /// `bus` gives a handle of the sensors' bus as often as it is asked.
    pub fn new(bus: impl Fn() -> I2C, string: S, delay: D, scales: &Scales) -> Self {
        Self {
            climate: RefCell::new(Climate::new(bus(), delay)),
            adc: Adc::new(bus()),
            string: RefCell::new(StringMonitor::new(string, scales.shunt)),
        }
    }

    /// An input of the converter, for a sensor of the board's own. Inputs 0 and 1 are the room's.
    pub const fn input(&self, number: u8) -> AdcInput<'_, I2C> {
        AdcInput::new(&self.adc, number)
    }
}

/// The sensors, in the order of [`room_channels`].
pub struct Room<'c, I2C, S, D> {
    temperature: Temperature<'c, I2C, D>,
    humidity: Humidity<'c, I2C, D>,
    voc: Voc<'c, I2C, D>,
    hydrogen: Hydrogen<'c, I2C>,
    contact: Line<'c, I2C>,
    voltage: StringVoltage<'c, S>,
    current: StringCurrent<'c, S>,
}

impl<I2C, S, D> core::fmt::Debug for Room<'_, I2C, S, D> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Room(…)")
    }
}

impl<'c, I2C: I2c, S: I2c, D: DelayNs> Room<'c, I2C, S, D> {
    /// Over these chips, and the VOC sensor on this bus. The first `warmup` samples of the gas sensors are not believed.
    pub fn new(chips: &'c Chips<I2C, S, D>, bus: I2C, delay: D, scales: &Scales, warmup: u32) -> Self {
        const MAJORITY: Debounce = Debounce::new(2, 3).unwrap();
        Self {
            temperature: Temperature(&chips.climate),
            humidity: Humidity(&chips.climate),
            voc: Voc::new(bus, delay, &chips.climate, scales.voc, warmup),
            hydrogen: Hydrogen::new(chips.input(0), scales.hydrogen, warmup),
            contact: Line::new(chips.input(1), scales.line, MAJORITY),
            voltage: StringVoltage(&chips.string),
            current: StringCurrent(&chips.string),
        }
    }

    /// All of them behind the board's own.
    pub fn all<'r>(&'r mut self, own: &'r mut dyn Sensor) -> [&'r mut dyn Sensor; ROOM_CHANNELS] {
        [
            own,
            &mut self.temperature,
            &mut self.humidity,
            &mut self.voc,
            &mut self.hydrogen,
            &mut self.contact,
            &mut self.voltage,
            &mut self.current,
        ]
    }
}
