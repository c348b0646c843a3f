//! The sensors of a battery-room node, through published drivers over embedded-hal.
//!
//! Every sample is taken at once and waits for its chip, at most 50 ms. Chips that measure two things are shared by two
//! sensors: the one that measures comes first in the node's channels.

mod analog;
mod board;
mod climate;
mod gas;
mod line;
mod room;
mod string;
mod supply;

pub use analog::{Adc, AdcInput};
pub use board::BoardTemperature;
pub use climate::{Climate, Humidity, Temperature};
pub use gas::{Hydrogen, HydrogenScale, Voc, VocScale};
pub use line::{Line, LineVolts};
pub(crate) use room::place;
pub use room::{Chips, ROOM_CHANNELS, Room, SUPPLY, Scales, room_channels};
pub use string::{Shunt, StringCurrent, StringMonitor, StringVoltage};
pub use supply::Supply;
use supply::sag;

use muster_wire::{Absence, Micro};

/// A float as drivers give it; what is no number, or none that can be held, is out of range.
fn micro(value: f32) -> Result<Micro, Absence> {
    Micro::from_f64(f64::from(value)).ok_or(Absence::Range)
}

/// Counts samples until a sensor has warmed up.
#[derive(Clone, Copy, Debug)]
struct Warmup {
    left: u32,
}

impl Warmup {
    const fn of(samples: u32) -> Self {
        Self { left: samples }
    }

    /// The value, or `warmup` while it cannot be believed yet. A chip that does not answer does not warm up.
    fn judge(&mut self, sample: Result<Micro, Absence>) -> Result<Micro, Absence> {
        if sample.is_ok() && self.left > 0 {
            self.left -= 1;
            return Err(Absence::Warmup);
        }
        sample
    }
}
