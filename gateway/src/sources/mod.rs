//! Where readings come from.

#[cfg(test)]
mod ear;
mod excuse;
pub mod modbus;
pub mod mqtt;
mod names;
pub mod nut;
mod outlet;
mod pace;
pub mod polls;
pub mod snmp;
pub(crate) mod tls;
