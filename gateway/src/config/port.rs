//! Through what Modbus devices are reached.

use std::fmt;

/// Through what a Modbus device is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// Modbus TCP at `host:port`.
    Tcp(String),
}

/// As it stands in the config.
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
        }
    }
}
