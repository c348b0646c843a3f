//! Sensor chips as their data sheets describe them, register by register, for firmware that runs in an emulator: its
//! unmodified drivers read these. What the chips measure stands in [`Surroundings`].

mod ads1115;
mod bridge;
mod ina228;
mod sensirion;
mod sgp40;
mod sht40;

pub use bridge::{Bridge, BridgeError};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ads1115::Ads1115;
use ina228::Ina228;
use sgp40::Sgp40;
use sht40::Sht40;

/// What is around the node. All chips look at the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurands {
    /// Air, degrees Celsius.
    pub temperature_c: f64,
    /// Relative humidity, percent.
    pub humidity_percent: f64,
    /// Organic vapours, ppm of ethanol.
    pub voc_ppm: f64,
    /// Hydrogen, ppm.
    pub hydrogen_ppm: f64,
    /// State of the supervised line.
    pub line: Wire,
    /// Voltage of the battery string.
    pub string_v: f64,
    /// Current of the battery string, positive while charging.
    pub string_a: f64,
    /// Voltage of the node's own supply.
    pub supply_v: f64,
    /// This chip does not answer (its address), as if it had been unplugged.
    pub unplugged: Option<u8>,
    /// Every check sum is wrong, as on a bus with noise.
    pub noise: bool,
}

/// A supervised line: what is at its far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// The contact rests.
    Rest,
    /// The contact speaks.
    Active,
    /// It has been cut.
    Cut,
    /// Its two conductors touch.
    Shorted,
}

impl Default for Measurands {
    /// A battery room in which nothing is wrong.
    fn default() -> Self {
        Self {
            temperature_c: 24.0,
            humidity_percent: 45.0,
            voc_ppm: 0.5,
            hydrogen_ppm: 0.0,
            line: Wire::Rest,
            string_v: 480.0,
            string_a: 0.5,
            supply_v: 12.0,
            unplugged: None,
            noise: false,
        }
    }
}

/// What is around the node, for the chips to look at and for a test to change.
#[derive(Clone, Debug, Default)]
pub struct Surroundings(Arc<Mutex<Measurands>>);

impl Surroundings {
    /// What is there now.
    #[must_use]
    pub fn now(&self) -> Measurands {
        *self.lock()
    }

    /// Changes what is there.
    pub fn change(&self, change: impl FnOnce(&mut Measurands)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Measurands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A chip on the bus.
trait Chip: Send {
    /// Takes what is written to it; `false` if it does not take it.
    fn write(&mut self, bytes: &[u8], around: &Measurands) -> bool;
    /// Gives `bytes` bytes.
    fn read(&mut self, bytes: usize, around: &Measurands) -> Vec<u8>;
    /// Forgets what it has been told.
    fn lose_power(&mut self);
}

/// One part of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// So many bytes from the chip.
    Read(usize),
    /// These to the chip.
    Write(Vec<u8>),
}

/// Why a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Nack {
    /// Nobody answers to the address.
    #[error("nobody answers to the address")]
    Address,
    /// The chip took no more.
    #[error("the chip took no more")]
    Data,
}

/// An I2C bus with the chips of a battery-room node.
pub struct Bus {
    chips: BTreeMap<u8, Box<dyn Chip>>,
    around: Surroundings,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus")
            .field("around", &self.around)
            .finish_non_exhaustive()
    }
}

impl Bus {
    /// SHT40, SGP40, ADS1115 and INA228, each at its first address.
    #[must_use]
    pub fn new(around: Surroundings) -> Self {
        let chips: [(u8, Box<dyn Chip>); 4] = [
            (0x40, Box::new(Ina228::default())),
            (0x44, Box::new(Sht40::default())),
            (0x48, Box::new(Ads1115::default())),
            (0x59, Box::new(Sgp40::default())),
        ];
        Self {
            chips: chips.into(),
            around,
        }
    }

    /// One transaction; what was read, one after the other.
    ///
    /// # Errors
    /// Nobody answers, or the chip took no more.
    pub fn transact(&mut self, address: u8, operations: &[Operation]) -> Result<Vec<u8>, Nack> {
        let around = self.around.now();
        let chip = self.chips.get_mut(&address).ok_or(Nack::Address)?;
        if around.unplugged == Some(address) {
            chip.lose_power();
            return Err(Nack::Address);
        }
        let mut read = Vec::new();
        for operation in operations {
            match operation {
                Operation::Read(bytes) => read.extend(chip.read(*bytes, &around)),
                Operation::Write(bytes) if chip.write(bytes, &around) => {}
                Operation::Write(_) => return Err(Nack::Data),
            }
        }
        Ok(read)
    }
}
