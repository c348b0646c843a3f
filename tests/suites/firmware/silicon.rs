//! The node's sensors, through the drivers that also run on a board, against chips as their data sheets describe them.

use std::cell::RefCell;
use std::rc::Rc;

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{self, ErrorKind, I2c, NoAcknowledgeSource};
use muster_node::sensors::{
    Adc, AdcInput, Climate, Humidity, Hydrogen, HydrogenScale, Line, LineVolts, Shunt, StringCurrent, StringMonitor,
    StringVoltage, Temperature, Voc, VocScale,
};
use muster_node::{Debounce, Sensor};
use muster_sim::silicon::{Bus, Nack, Operation, Surroundings, Wire};
use muster_wire::{Absence, Micro};

#[derive(Clone)]
struct Wired(Rc<RefCell<Bus>>);

#[derive(Debug)]
struct Refused(Nack);

impl i2c::Error for Refused {
    fn kind(&self) -> ErrorKind {
        ErrorKind::NoAcknowledge(match self.0 {
            Nack::Address => NoAcknowledgeSource::Address,
            Nack::Data => NoAcknowledgeSource::Data,
        })
    }
}

impl i2c::ErrorType for Wired {
    type Error = Refused;
}

impl I2c for Wired {
    fn transaction(&mut self, address: u8, operations: &mut [i2c::Operation<'_>]) -> Result<(), Refused> {
        let asked: Vec<_> = operations
            .iter()
            .map(|operation| match operation {
                i2c::Operation::Read(room) => Operation::Read(room.len()),
                i2c::Operation::Write(bytes) => Operation::Write(bytes.to_vec()),
            })
            .collect();
        let read = self.0.borrow_mut().transact(address, &asked).map_err(Refused)?;
        let mut read = read.into_iter();
        for operation in operations {
            if let i2c::Operation::Read(room) = operation {
                room.iter_mut().for_each(|byte| *byte = read.next().unwrap());
            }
        }
        Ok(())
    }
}

/// The chips answer at once.
#[derive(Clone)]
struct AtOnce;

impl DelayNs for AtOnce {
    fn delay_ns(&mut self, _: u32) {}
}

fn bench() -> (Surroundings, Wired) {
    let around = Surroundings::default();
    let bus = Bus::new(around.clone());
    (around, Wired(Rc::new(RefCell::new(bus))))
}

#[track_caller]
fn near(sample: Result<Micro, Absence>, expected: f64, within: f64) {
    let value = sample.unwrap().0 as f64 / 1e6;
    assert!(
        (value - expected).abs() <= within,
        "{value}, expected {expected} ± {within}"
    );
}

#[test]
fn air_is_measured_within_the_chips_own_accuracy() {
    let (around, wire) = bench();
    let climate = RefCell::new(Climate::new(wire, AtOnce));
    for (celsius, percent) in [(24.0, 45.0), (-10.0, 5.0), (65.0, 95.0), (90.0, 0.0)] {
        around.change(|m| (m.temperature_c, m.humidity_percent) = (celsius, percent));
        near(Temperature(&climate).sample(), celsius, 0.01);
        near(Humidity(&climate).sample(), percent, 0.01);
    }
    around.change(|m| m.noise = true);
    assert_eq!(Temperature(&climate).sample(), Err(Absence::Crc));
    assert_eq!(Humidity(&climate).sample(), Err(Absence::Bus), "nothing was measured");
    around.change(|m| (m.noise, m.unplugged) = (false, Some(0x44)));
    assert_eq!(Temperature(&climate).sample(), Err(Absence::Bus));
}

#[test]
fn vapours_follow_over_three_decades_once_warm() {
    let (around, wire) = bench();
    let climate = RefCell::new(Climate::new(wire.clone(), AtOnce));
    let mut voc = Voc::new(wire, AtOnce, &climate, VocScale::default(), 2);
    assert_eq!(
        (voc.sample(), voc.sample()),
        (Err(Absence::Warmup), Err(Absence::Warmup))
    );
    for ppm in [0.5, 5.0, 30.0, 500.0] {
        around.change(|m| m.voc_ppm = ppm);
        near(voc.sample(), ppm, ppm * 0.01);
    }
    // Corrected for the climate, where there is one.
    near(Temperature(&climate).sample(), 24.0, 0.01);
    near(voc.sample(), 500.0, 5.0);
    around.change(|m| m.noise = true);
    assert_eq!(voc.sample(), Err(Absence::Crc));
}

#[test]
fn hydrogen_is_a_live_zero_and_a_line_tells_four_states_apart() {
    let (around, wire) = bench();
    let adc = Adc::new(wire);
    let mut hydrogen = Hydrogen::new(AdcInput::new(&adc, 0), HydrogenScale::default(), 0);
    for ppm in [0.0, 1_000.0, 4_000.0, 40_000.0] {
        around.change(|m| m.hydrogen_ppm = ppm);
        near(hydrogen.sample(), ppm, 4.0);
    }
    let majority = Debounce::new(1, 1).unwrap();
    let mut line = Line::new(AdcInput::new(&adc, 1), LineVolts::default(), majority);
    for (wire, expected) in [
        (Wire::Rest, Ok(Micro(0))),
        (Wire::Active, Ok(Micro(1_000_000))),
        (Wire::Cut, Err(Absence::Open)),
        (Wire::Shorted, Err(Absence::Short)),
        (Wire::Rest, Ok(Micro(0))),
    ] {
        around.change(|m| m.line = wire);
        assert_eq!(line.sample(), expected, "{wire:?}");
    }
    // A transmitter that has lost its supply sends less than its zero.
    let mut dead = Hydrogen::new(AdcInput::new(&adc, 3), HydrogenScale::default(), 0);
    assert_eq!(dead.sample(), Err(Absence::Open));
    around.change(|m| m.unplugged = Some(0x48));
    assert_eq!(line.sample(), Err(Absence::Bus));
    assert_eq!(hydrogen.sample(), Err(Absence::Bus));
}

#[test]
fn a_string_is_measured_and_a_chip_that_was_without_power_is_told_its_shunt_again() {
    let (around, wire) = bench();
    let monitor = RefCell::new(StringMonitor::new(wire, Shunt::default()));
    for (volts, amperes) in [(480.0, 0.5), (540.0, -120.0), (0.0, 199.0)] {
        around.change(|m| (m.string_v, m.string_a) = (volts, amperes));
        near(StringVoltage(&monitor).sample(), volts, 0.01);
        // The shunt's calibration is a whole number: a thousandth.
        near(StringCurrent(&monitor).sample(), amperes, amperes.abs() / 500.0);
    }
    around.change(|m| m.unplugged = Some(0x40));
    assert_eq!(StringVoltage(&monitor).sample(), Err(Absence::Bus));
    around.change(|m| m.unplugged = None);
    near(StringCurrent(&monitor).sample(), 199.0, 0.4);
}
