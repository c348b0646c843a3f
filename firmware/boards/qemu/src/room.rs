//! What this node measures: the air, the gas, the line and the string of a battery room.

use core::cell::RefCell;

use muster_node::sensors::{
    Adc, AdcInput, BoardTemperature, Climate, Humidity, Hydrogen, HydrogenScale, Line, LineVolts, Shunt, StringCurrent,
    StringMonitor, StringVoltage, Temperature, Voc, VocScale,
};
use muster_node::{ChannelSpec, Debounce, Limit, Sensor};
use muster_wire::{MICRO, Micro, Quantity};
use static_cell::StaticCell;

use crate::bridge::{Bridge, Wait};
use crate::sbcon::{self, SbCon};

/// All of them; a board without its room has the first only.
pub(crate) const CHANNELS: usize = 8;

/// Name, quantity, and the limit beyond which every sample goes out at once: at or below the gateway's own.
const ROWS: [(&str, Quantity, Option<i64>); CHANNELS] = [
    ("board-temperature", Quantity::Temperature, Some(45)),
    ("temperature", Quantity::Temperature, Some(45)),
    ("humidity", Quantity::Humidity, None),
    ("voc", Quantity::Voc, Some(10)),
    ("hydrogen", Quantity::Hydrogen, Some(1_000)),
    ("fire-contact", Quantity::FireAlarm, Some(1)),
    ("voltage", Quantity::Voltage, None),
    ("current", Quantity::Current, None),
];

/// The channels. Without a room, the board's own sensor measures the air.
pub(crate) fn channels(room: bool) -> [ChannelSpec<'static>; CHANNELS] {
    let mut channels = ROWS.map(|(name, quantity, alarm)| ChannelSpec {
        name,
        quantity,
        alarm: alarm.map(|at| Limit {
            set: Micro(at * MICRO),
            clear: Micro(at * MICRO * 9 / 10),
            above: true,
        }),
        report_delta: Some(Micro(MICRO / 2)),
        max_rate_per_s: None,
        stuck_after_ms: None,
        every: u16::from(room),
    });
    if !room {
        (channels[0].name, channels[0].every) = ("temperature", 1);
        channels[1].name = "room-temperature";
    }
    channels
}

/// The sensors, in the order of the channels.
pub(crate) struct Sensors {
    board: BoardTemperature<SbCon>,
    temperature: Temperature<'static, Bridge, Wait>,
    humidity: Humidity<'static, Bridge, Wait>,
    voc: Voc<'static, Bridge, Wait>,
    hydrogen: Hydrogen<'static, Bridge>,
    contact: Line<'static, Bridge>,
    voltage: StringVoltage<'static, Bridge>,
    current: StringCurrent<'static, Bridge>,
}

impl Sensors {
    /// Opens the buses. The first `warmup` samples of the gas sensors are not believed.
    pub(crate) fn start(warmup: u32) -> Self {
        static CLIMATE: StaticCell<RefCell<Climate<Bridge, Wait>>> = StaticCell::new();
        static ADC: StaticCell<Adc<Bridge>> = StaticCell::new();
        static STRING: StaticCell<RefCell<StringMonitor<Bridge>>> = StaticCell::new();
        const MAJORITY: Debounce = Debounce::new(2, 3).unwrap();
        let bus = Bridge::start();
        let climate: &'static _ = CLIMATE.init(RefCell::new(Climate::new(bus, Wait)));
        let adc: &'static _ = ADC.init(Adc::new(bus));
        let string: &'static _ = STRING.init(RefCell::new(StringMonitor::new(bus, Shunt::default())));
        Self {
            board: BoardTemperature::new(sbcon::SENSORS),
            temperature: Temperature(climate),
            humidity: Humidity(climate),
            voc: Voc::new(bus, Wait, climate, VocScale::default(), warmup),
            hydrogen: Hydrogen::new(AdcInput::new(adc, 0), HydrogenScale::default(), warmup),
            contact: Line::new(AdcInput::new(adc, 1), LineVolts::default(), MAJORITY),
            voltage: StringVoltage(string),
            current: StringCurrent(string),
        }
    }

    pub(crate) fn all(&mut self) -> [&mut dyn Sensor; CHANNELS] {
        [
            &mut self.board,
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
