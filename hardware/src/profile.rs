//! What is known of one model of device.

use std::collections::BTreeSet;

use crate::{Block, Canary, Device, Fault, Head, Mode, Signal, block};

/// How one model of device is read. Every address is 0-based, as on the wire: what a manual calls 40001 is holding
/// register 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What it says of itself.
    pub head: Head,
    /// Registers nobody asked for that may lie between two signals of one block, 0 to 124.
    pub max_gap: u16,
    /// False where the device answers zero for undefined registers, so that only touching signals are read together.
    pub join_gaps: bool,
    /// Whether trip signals that were read together with others are asked for singly once a connection and compared: some
    /// devices answer zero for a register that they do not have, but only in a block (Galaxy VL, 990-6447J).
    pub check_singly: bool,
    /// A register whose value is known; read in every cycle.
    pub canary: Option<Canary>,
    /// The SunSpec model that its addresses are counted from: address 0 is the register of the model's number. Where the
    /// model stands is found at every connection.
    pub sunspec_model: Option<u16>,
    /// A register that says whether the device measures at all.
    pub mode: Option<Mode>,
    /// What it measures; names are unique.
    pub signals: Vec<Signal>,
}

/// How well a profile is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Against a recording of the real device.
    Captured,
    /// Against a simulated device only.
    Simulated,
    /// Copied from a document and never tried.
    DocumentOnly,
}

/// One of the four address spaces of Modbus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// Holding registers, function 3; 4xxxx in manuals.
    Holding,
    /// Input registers, function 4; 3xxxx in manuals.
    Input,
    /// Coils, function 1; 0xxxx in manuals.
    Coil,
    /// Discrete inputs, function 2; 1xxxx in manuals.
    Discrete,
}

impl Table {
    /// Whether it holds single bits (else 16-bit registers).
    #[must_use]
    pub const fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }

    /// The most that one read may ask for (Modbus Application Protocol 1.1b3, sections 6.1 to 6.4).
    #[must_use]
    pub const fn most_per_read(self) -> u16 {
        if self.is_bits() { 2_000 } else { 125 }
    }
}

impl Profile {
    /// Reads a profile of registers.
    ///
    /// # Errors
    /// Every fault in it, in the order of lines; that it is of another kind is one. `file_name` only names the file in them.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Vec<Fault>> {
        match Device::parse(text, file_name)? {
            Device::Modbus(profile) => Ok(profile),
            other => Err(vec![Fault {
                file: file_name.to_owned(),
                line: 1,
                what: format!("a profile for {}, not for modbus", other.kind()),
                hint: format!("kind = \"{}\" in the source", other.kind()),
            }]),
        }
    }

    /// `vendor/model`.
    #[must_use]
    pub fn name(&self) -> String {
        self.head.name()
    }

    /// The signal of this name.
    #[must_use]
    pub fn signal(&self, name: &str) -> Option<&Signal> {
        self.signals.iter().find(|s| s.name == name)
    }

    /// Everything that is read of a device with all its signals, canary, mode and scale factors.
    #[must_use]
    pub fn reads(&self) -> Vec<Block> {
        let factors = self.scale_factors().into_iter().map(|start| Block {
            table: Table::Holding,
            start,
            count: 1,
        });
        let canary = self.canary.map(|canary| canary.block);
        let mode = self.mode.as_ref().map(|mode| mode.block);
        let all: BTreeSet<Block> = self
            .blocks(|_| true)
            .into_iter()
            .chain(canary)
            .chain(mode)
            .chain(factors)
            .collect();
        all.into_iter().collect()
    }

    /// Offsets of all scale factors that its signals need.
    #[must_use]
    pub fn scale_factors(&self) -> BTreeSet<u16> {
        self.signals.iter().filter_map(|s| s.scale_from).collect()
    }

    /// The fewest reads that fetch every wanted signal, and what takes its meaning away, by table and address. A signal is
    /// never split.
    #[must_use]
    pub fn blocks(&self, wanted: impl Fn(&Signal) -> bool) -> Vec<Block> {
        let gap = if self.join_gaps { self.max_gap } else { 0 };
        let excuses: BTreeSet<&str> = (self.signals.iter().filter(|s| wanted(s)))
            .flat_map(|s| s.unless_signals.iter().map(String::as_str))
            .collect();
        let asked = |s: &&Signal| wanted(s) || excuses.contains(s.name.as_str());
        block::plan(self.signals.iter().filter(asked), gap)
    }
}
