//! A Modbus RTU master for a local BMS or UPS on RS-485: it reads, and nothing else (there is no other kind of question).
//!
//! An answer on a serial line says neither which question it is for nor which register it holds. So that no value is ever
//! taken for another register's:
//! * no two questions of a map have answers of one function and length; the build sees to it (build.rs);
//! * unit, function, length and check sum are those asked for, or the cycle is over;
//! * after anything odd the line is listened to until it is quiet, and all that came is discarded;
//! * the values of a cycle are told only when its canary, read last, holds what it should.
//!
//! The master has a task of its own: a device that is dead, slow or mad costs its own channels and nobody else's.

mod frame;
mod map;
mod master;
mod settings;
mod trace;

pub use map::{MOST_SIGNALS, Map};
pub use master::Master;
pub use settings::{LineSettings, Parity};
pub use trace::{LineCounters, LineTrace};

use muster_wire::{Absence, Micro};

/// What a cycle told, signal by signal.
type Values = heapless::Vec<Result<Micro, Absence>, MOST_SIGNALS>;
