//! Where readings come from.

pub mod modbus;
pub mod mqtt;
pub mod nut;
mod outlet;
mod pace;
pub mod polls;
pub mod snmp;
mod tls;
