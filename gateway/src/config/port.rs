//! Through what Modbus devices are reached.

use std::fmt;

use super::address::Address;
use super::faults::{At, quoted};
use super::table::Table;

/// What an address begins with whose connection carries RTU frames.
const RTU_OVER_TCP: &str = "rtu-over-tcp://";
/// Keys of serial lines alone.
pub(super) const KEYS: [&str; 3] = ["baud", "parity", "stop_bits"];
/// What the standard asks of every device (Modbus over Serial Line 1.02, 3.2).
const STANDARD_BAUD: u32 = 19_200;
/// Rates that adapters have.
const BAUDS: [u32; 11] = [
    1_200, 2_400, 4_800, 9_600, 14_400, 19_200, 28_800, 38_400, 57_600, 76_800, 115_200,
];

/// Through what a Modbus device is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// Modbus TCP at `host:port`.
    Tcp(String),
    /// RTU frames over a TCP connection to a server of serial lines.
    RtuOverTcp {
        /// `host:port`.
        address: String,
        /// Of the line behind it. Bits a second.
        baud: u32,
    },
    /// RTU on a serial line of this machine.
    Serial(SerialLine),
}

/// A serial line. There are always 8 data bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialLine {
    /// `/dev/…`.
    pub path: String,
    /// Bits a second.
    pub baud: u32,
    /// Of each character.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
}

/// Parity of a serial line's characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// No parity bit; the standard wants two stop bits then, and most devices have one.
    None,
    /// The standard's default.
    Even,
    /// Odd.
    Odd,
}

impl Port {
    /// A port as a person writes it, on a line with the standard's settings: 19,200 baud, even parity, one stop bit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let port = if text.starts_with('/') {
            Self::Serial(SerialLine {
                path: text.to_owned(),
                baud: STANDARD_BAUD,
                parity: Parity::Even,
                stop_bits: 1,
            })
        } else if let Some(address) = text.strip_prefix(RTU_OVER_TCP) {
            Self::RtuOverTcp {
                address: Address::parse(address)?.text,
                baud: STANDARD_BAUD,
            }
        } else {
            Self::Tcp(Address::parse(text)?.text)
        };
        Some(port)
    }

    /// What all devices behind it have in common: they are asked one at a time.
    #[must_use]
    pub fn bus(&self) -> String {
        match self {
            Self::Tcp(_) | Self::RtuOverTcp { .. } => self.to_string().to_ascii_lowercase(),
            Self::Serial(line) => line.path.clone(),
        }
    }

    /// Settings of its line, for people; nothing where it has none.
    #[must_use]
    pub fn settings(&self) -> String {
        match self {
            Self::Tcp(_) => String::new(),
            Self::RtuOverTcp { baud, .. } => format!("{baud} baud"),
            Self::Serial(line) => {
                let parity = match line.parity {
                    Parity::None => 'N',
                    Parity::Even => 'E',
                    Parity::Odd => 'O',
                };
                format!("{} baud 8{parity}{}", line.baud, line.stop_bits)
            }
        }
    }

    /// Bits a second of its line; none if it has none.
    #[must_use]
    pub const fn baud(&self) -> Option<u32> {
        match self {
            Self::Tcp(_) => None,
            Self::RtuOverTcp { baud, .. } => Some(*baud),
            Self::Serial(line) => Some(line.baud),
        }
    }

    /// Other settings of its line, where it has them.
    #[must_use]
    pub fn with(mut self, rate: Option<u32>, parity_bit: Option<Parity>, stops: Option<u8>) -> Self {
        match &mut self {
            Self::Tcp(_) => {}
            Self::RtuOverTcp { baud, .. } => *baud = rate.unwrap_or(*baud),
            Self::Serial(line) => {
                line.baud = rate.unwrap_or(line.baud);
                line.parity = parity_bit.unwrap_or(line.parity);
                line.stop_bits = stops.unwrap_or(line.stop_bits);
            }
        }
        self
    }
}

/// As it stands in the config.
impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::RtuOverTcp { address, .. } => write!(f, "{RTU_OVER_TCP}{address}"),
            Self::Serial(line) => f.write_str(&line.path),
        }
    }
}

/// The port of a Modbus source, and its address as it is shown; none where it is wrong, which has been reported.
pub(super) fn read(table: &Table<'_>) -> Option<(Port, At<Address>)> {
    let hint = "host and port, such as \"10.0.4.17:502\"; a serial line, such as \"/dev/ttyUSB0\"; or a server of serial \
                lines, such as \"rtu-over-tcp://10.0.4.9:4001\"";
    let text = table.need_text("address", hint);
    let rate = baud(table);
    let words = [("none", Parity::None), ("even", Parity::Even), ("odd", Parity::Odd)];
    let parity = table.choice("parity", &words).map(|parity| parity.value);
    let stops = table.integer("stop_bits", 1..=2).map(|stops| stops.value as u8);
    let Some(port) = Port::parse(&text.value) else {
        if text.at != table.at {
            let what = format!("{} is not an address", quoted(&text.value));
            table.faults.error(text.at, what, hint);
        }
        return None;
    };
    refuse_settings(table, &port);
    let mut address = match &port {
        Port::Tcp(address) | Port::RtuOverTcp { address, .. } => Address::parse(address)?,
        Port::Serial(line) => Address::of_line(&line.path),
    };
    address.text = text.value;
    Some((port.with(rate, parity, stops), At::new(address, text.at)))
}

fn baud(table: &Table<'_>) -> Option<u32> {
    let baud = table.integer("baud", 1_200..=115_200)?;
    let rate = u32::try_from(baud.value).ok().filter(|rate| BAUDS.contains(rate));
    if rate.is_none() {
        let all: Vec<String> = BAUDS.iter().map(ToString::to_string).collect();
        let what = format!("no adapter has {} baud", baud.value);
        table.faults.error(baud.at, what, format!("one of {}", all.join(", ")));
    }
    rate
}

/// Settings that mean nothing for this kind of port.
fn refuse_settings(table: &Table<'_>, port: &Port) {
    let (keys, why): (&[&'static str], _) = match port {
        Port::Tcp(_) => (&KEYS, "remove it: Modbus TCP has no serial line"),
        Port::RtuOverTcp { .. } => (&KEYS[1..], "remove it: it is set in the server of the serial line"),
        Port::Serial(_) => (&[], ""),
    };
    for key in keys {
        if let Some(at) = table.place(key) {
            let what = format!("`{key}` means nothing for {}", quoted(&port.to_string()));
            table.faults.error(at, what, why);
        }
    }
}
