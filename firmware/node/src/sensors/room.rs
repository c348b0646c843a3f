//! What a node in a battery room measures: the air, the gas, the line, the string, and its own supply.

use core::cell::RefCell;

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;
use muster_wire::{MICRO, Micro, Quantity};

use super::{
    Adc, AdcInput, Climate, Humidity, Hydrogen, HydrogenScale, Line, LineVolts, Shunt, StringCurrent, StringMonitor,
    StringVoltage, Supply, Temperature, Voc, VocScale, sag,
};
use crate::{ChannelSpec, Debounce, Limit, Sensor};

/// Channels of a room.
pub const ROOM_CHANNELS: usize = 8;
/// The place of the supply among them.
pub const SUPPLY: usize = 7;
/// Without a change in its last digit for so long a sensor is stuck: each of these has noise of its own, quieter air or not.
const STUCK_AFTER_MS: u64 = 600_000;
/// A faster change of the air's temperature is a fault of the sensor, or costs a sample. Degrees a second: the wall of a cell
/// that vents rises by 4 (a published test of an LFP cell: 86 to 200 °C in less than 30 s), and air in a flame by more.
const MAX_DEGREES_PER_S: i64 = 100;

/// Name, quantity, and the limit beyond which every sample goes out at once: at or below the gateway's own.
const ROWS: [(&str, Quantity, Option<i64>); ROOM_CHANNELS] = [
    ("temperature", Quantity::Temperature, Some(45)),
    ("humidity", Quantity::Humidity, None),
    ("voc", Quantity::Voc, Some(10)),
    ("hydrogen", Quantity::Hydrogen, Some(1_000)),
    ("fire-contact", Quantity::FireAlarm, Some(1)),
    ("voltage", Quantity::Voltage, None),
    ("current", Quantity::Current, None),
    ("supply", Quantity::Voltage, None),
];

/// The place of a channel of this name.
pub(crate) fn place(name: &str) -> Option<usize> {
    ROWS.iter().position(|(row, ..)| *row == name)
}

/// The channels of a room. Below `supply_alarm_mv` the supply sags: that goes out at once and before all else.
#[must_use]
pub fn room_channels(supply_alarm_mv: u32) -> [ChannelSpec<'static>; ROOM_CHANNELS] {
    let mut channels = ROWS.map(|(name, quantity, alarm)| ChannelSpec {
        alarm: alarm.map(Limit::above),
        max_rate_per_s: (quantity == Quantity::Temperature).then_some(Micro(MAX_DEGREES_PER_S * MICRO)),
        stuck_after_ms: is_restless(quantity).then_some(STUCK_AFTER_MS),
        ..ChannelSpec::every_tick(name, quantity)
    });
    channels[SUPPLY].alarm = Some(sag(supply_alarm_mv));
    channels[SUPPLY].last_gasp = true;
    channels
}

/// Sensors whose last digit is noise. Hydrogen rests at its zero, contacts rest, and a string may float.
fn is_restless(quantity: Quantity) -> bool {
    matches!(quantity, Quantity::Temperature | Quantity::Humidity | Quantity::Voc)
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scales {
    /// Of the VOC sensor.
    pub voc: VocScale,
    /// Of the hydrogen transmitter.
    pub hydrogen: HydrogenScale,
    /// Of the supervised line.
    pub line: LineVolts,
    /// Of the string's shunt and divider.
    pub shunt: Shunt,
    /// Supply for one volt at the converter's input 2, in thousandths.
    pub supply_divider_milli: u32,
}

impl Default for Scales {
    fn default() -> Self {
        Self {
            voc: VocScale::default(),
            hydrogen: HydrogenScale::default(),
            line: LineVolts::default(),
            shunt: Shunt::default(),
            supply_divider_milli: 5_700,
        }
    }
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

    const fn input(&self, number: u8) -> AdcInput<'_, I2C> {
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
    supply: Supply<'c, I2C>,
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
            supply: Supply::new(chips.input(2), scales.supply_divider_milli),
        }
    }

    /// All of them.
    pub fn all(&mut self) -> [&mut dyn Sensor; ROOM_CHANNELS] {
        [
            &mut self.temperature,
            &mut self.humidity,
            &mut self.voc,
            &mut self.hydrogen,
            &mut self.contact,
            &mut self.voltage,
            &mut self.current,
            &mut self.supply,
        ]
    }

    /// A look at the supply between two samples.
    pub fn supply(&self) -> Option<Micro> {
        self.supply.look().ok()
    }
}
