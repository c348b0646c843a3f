//! The firmware of a Muster sensor node, without a board: sampling, self-checks, reports by exception, store and forward.
//!
//! No clock, no network and no pins of its own: time comes in with every call, packs go out as bytes, sensors are a trait.
//! So the same code runs on a board, in the simulated site and in host tests. `no_std`, no allocation, no `unsafe`.
#![no_std]
#![forbid(unsafe_code)]

mod boot;
mod channel;
mod check;
#[cfg(any(feature = "modbus", feature = "mqtt"))]
mod clock;
mod contact;
mod eeprom;
#[cfg(feature = "modbus")]
pub mod modbus;
#[cfg(feature = "mqtt")]
pub mod mqtt;
mod node;
mod page;
#[cfg(feature = "sensors")]
mod schedule;
#[cfg(feature = "sensors")]
pub mod sensors;
#[cfg(feature = "sensors")]
mod settings;
mod spec;
mod store;
#[cfg(feature = "tls")]
pub mod tls;

pub use boot::{BOOT_BYTES, Boot, Memory, next_boot};
pub use contact::{Contact, Debounce, Wiring};
pub use eeprom::Eeprom;
pub use node::{Node, PACK_BYTES};
pub use page::{Page, PageError};
#[cfg(feature = "sensors")]
pub use schedule::Schedule;
#[cfg(feature = "sensors")]
pub use settings::Settings;
pub use spec::{ChannelSpec, Limit, MAX_BIRTH, NodeSpec, SpecError};
pub use store::Urgency;

use muster_wire::{Absence, Micro};

/// Something that can be sampled.
pub trait Sensor {
    /// One sample, now.
    ///
    /// # Errors
    /// Why there is none.
    fn sample(&mut self) -> Result<Micro, Absence>;
}
