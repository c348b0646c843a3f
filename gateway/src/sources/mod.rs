//! Where readings come from.

#[cfg(test)]
mod ear;
pub mod modbus;
pub mod mqtt;
mod names;
pub mod nut;
mod outlet;
mod pace;
pub mod polls;
pub mod snmp;
mod tls;
