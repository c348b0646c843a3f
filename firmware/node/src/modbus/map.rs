//! Register maps, made at build time from `hardware/profiles` (see build.rs): what is asked, and what the answer means.
//!
//! The gateway reads the same profiles with a decoder of its own; a test holds both against each other.

use muster_wire::{Absence, MICRO, Micro, Quantity, Unit};

use super::Values;
use crate::{ChannelSpec, Limit};

include!(concat!(env!("OUT_DIR"), "/maps.rs"));

/// How one model of device is read.
#[derive(Debug, PartialEq, Eq)]
pub struct Map {
    /// `vendor/model`.
    pub name: &'static str,
    /// Shortest period that the device bears. Milliseconds.
    pub min_poll_ms: u64,
    /// An answer that begins later than this counts as none. Milliseconds.
    pub timeout_ms: u64,
    /// What proves that answers belong to the registers asked for.
    pub(super) canary: Option<Canary>,
    /// The reads of a cycle.
    pub(super) blocks: &'static [Block],
}

/// An address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "build.rs writes those that a profile has")]
pub(super) enum Table {
    /// Function 3.
    Holding,
    /// Function 4.
    Input,
    /// Function 1.
    Coil,
    /// Function 2.
    Discrete,
}

/// One question: nothing but reads can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) table: Table,
    /// First address, 0-based.
    pub(super) start: u16,
    pub(super) count: u16,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) read: Read,
    pub(super) signals: &'static [Signal],
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Canary {
    pub(super) read: Read,
    expect: Expect,
}

#[derive(Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "build.rs writes those that a profile has")]
enum Expect {
    Value(u16),
    Nonzero,
    Ascii,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signal {
    /// Its channel.
    name: &'static str,
    /// Its first register, or bit, in the block.
    at: usize,
    encoding: Encoding,
    /// Micro-units a raw step, as a fraction.
    numerator: i64,
    denominator: i64,
    /// Bits that mean "no value".
    sentinels: &'static [u32],
    quantity: Quantity,
    /// A bit that is 0 while its fact holds.
    invert: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "build.rs writes those that a profile has")]
enum Encoding {
    U16,
    I16,
    /// A bit of one register, or a whole coil.
    Bit(u8),
    U32 {
        low_first: bool,
    },
    I32 {
        low_first: bool,
    },
    Bit32 {
        bit: u8,
        low_first: bool,
    },
}

impl Map {
    /// The map of a shipped profile, `vendor/model`.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        MAPS.iter().find(|map| map.name == name)
    }

    /// Names of all maps.
    pub fn names() -> impl Iterator<Item = &'static str> {
        MAPS.iter().map(|map| map.name)
    }

    fn signals(&self) -> impl Iterator<Item = &'static Signal> {
        self.blocks.iter().flat_map(|block| block.signals)
    }

    /// Its channels, in the order in which [`crate::modbus::Master::run`] tells them; the rest is [`ChannelSpec::NONE`].
    #[must_use]
    pub fn channels(&self) -> [ChannelSpec<'static>; MOST_SIGNALS] {
        let mut channels = [ChannelSpec::NONE; MOST_SIGNALS];
        for (channel, signal) in channels.iter_mut().zip(self.signals()) {
            *channel = signal.channel();
        }
        channels
    }

    /// Nothing of it can be told.
    pub(super) fn absent(&self, why: Absence) -> Values {
        self.signals().map(|_| Err(why)).collect()
    }

    /// Whether the canary's answer is what it should be.
    pub(super) fn canary_holds(&self, words: &[u16]) -> bool {
        self.canary.as_ref().is_none_or(|canary| match canary.expect {
            Expect::Value(value) => words.iter().all(|word| *word == value),
            Expect::Nonzero => words.iter().any(|word| *word != 0),
            Expect::Ascii => is_text(words),
        })
    }
}

/// Printable ASCII, filled up with NUL, not all blank.
fn is_text(words: &[u16]) -> bool {
    let bytes = || words.iter().flat_map(|word| word.to_be_bytes());
    let ends = bytes().take_while(|byte| *byte != 0).count();
    bytes().take(ends).all(|byte| (b' '..=b'~').contains(&byte))
        && bytes().take(ends).any(|byte| byte != b' ')
        && bytes().skip(ends).all(|byte| byte == 0)
}

impl Signal {
    fn channel(&self) -> ChannelSpec<'static> {
        ChannelSpec {
            alarm: alarm(self.quantity),
            report_delta: Some(delta(self.quantity)),
            ..ChannelSpec {
                name: self.name,
                quantity: self.quantity,
                ..ChannelSpec::NONE
            }
        }
    }

    /// Its value in a block's answer; of a bit table each word is one bit.
    pub(super) fn decode(&self, words: &[u16]) -> Result<Micro, Absence> {
        let word = |at: usize| words.get(self.at + at).copied().map(u32::from).ok_or(Absence::Bus);
        let both = |low_first: bool| {
            let (first, second) = (word(0)?, word(1)?);
            Ok(if low_first {
                second << 16 | first
            } else {
                first << 16 | second
            })
        };
        let bits = match self.encoding {
            Encoding::U16 | Encoding::I16 | Encoding::Bit(_) => word(0)?,
            Encoding::U32 { low_first } | Encoding::I32 { low_first } | Encoding::Bit32 { low_first, .. } => {
                both(low_first)?
            }
        };
        if self.sentinels.contains(&bits) {
            return Err(Absence::Bus);
        }
        let bit = |bit: u8| i64::from((bits >> bit & 1 == 1) != self.invert);
        let raw = match self.encoding {
            Encoding::U16 | Encoding::U32 { .. } => i64::from(bits),
            Encoding::I16 => i64::from((bits as u16).cast_signed()),
            Encoding::I32 { .. } => i64::from(bits.cast_signed()),
            Encoding::Bit(at) | Encoding::Bit32 { bit: at, .. } => bit(at),
        };
        self.scaled(raw)
    }

    /// To the nearest micro-unit, half away from zero. What the quantity cannot be is told apart by the channel's checks;
    /// a contact that is neither 0 nor 1 is not.
    fn scaled(&self, raw: i64) -> Result<Micro, Absence> {
        let exact = i128::from(raw) * i128::from(self.numerator);
        let half = i128::from(self.denominator / 2) * exact.signum();
        let value = i64::try_from((exact + half) / i128::from(self.denominator)).map_err(|_| Absence::Range)?;
        if self.quantity.unit() == Unit::Contact && value % MICRO != 0 {
            return Err(Absence::Range);
        }
        Ok(Micro(value))
    }
}

/// Beyond this every sample goes out at once: at or below the gateway's own default.
fn alarm(quantity: Quantity) -> Option<Limit> {
    let units = match quantity {
        Quantity::Temperature => 45,
        Quantity::Hydrogen => 1_000,
        Quantity::Voc => 10,
        Quantity::CarbonMonoxide => 30,
        Quantity::FireAlarm
        | Quantity::SuppressionDischarge
        | Quantity::BatteryAlarm
        | Quantity::EmergencyPowerOff
        | Quantity::OnBattery => 1,
        _ => return None,
    };
    Some(Limit::above(units))
}

/// A change that is news. A register that counts, or flickers in its last digit, must not fill the line to the gateway.
fn delta(quantity: Quantity) -> Micro {
    Micro(match quantity.unit() {
        Unit::Ratio => MICRO / 100,
        Unit::Second => 30 * MICRO,
        Unit::Watt => 100 * MICRO,
        _ => MICRO / 2,
    })
}
