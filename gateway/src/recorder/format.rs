//! What a segment holds. CBOR describes itself, so a later version can read what an earlier one wrote.

use muster_core::{ChannelIx, Effect, Input, Millis};
use muster_wire::{Absence, Micro};
use serde::{Deserialize, Serialize};

/// First bytes of every segment; the digit is the version of the framing.
pub(super) const MAGIC: &[u8; 8] = b"MUSTERF1";

/// First frame of a segment; its state follows in the second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Version of what the frames hold: 1.
    pub format: u32,
    /// Muster's version.
    pub muster: String,
    /// `muster_core::VERSION`: with another one digests cannot be compared.
    pub core: u32,
    /// Site id.
    pub site: String,
    /// Engine time at which it begins.
    pub from: Millis,
    /// Wall clock of `from`, Unix milliseconds; for people only.
    pub wall_ms: i64,
    /// Inputs lost between the segment before and this one; none if it goes on where that one ended, or where the process
    /// started.
    pub lost: Option<u64>,
}

/// What came in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Engine time of the first moment; every moment says how much later it is than the one before.
    #[serde(rename = "t")]
    pub at: Millis,
    /// Wall clock of `at`, Unix milliseconds; for people only.
    #[serde(rename = "w")]
    pub wall_ms: i64,
    /// In the order in which the core took them.
    #[serde(rename = "m")]
    pub moments: Vec<Moment>,
}

/// One input, what it led to, or how the state stood. Readings are nearly all of it, so they are the shortest, on disk and
/// while they wait for it: 40 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// A reading, so many milliseconds after the input before.
    #[serde(rename = "r")]
    Reading(Millis, Sample),
    /// Any other input, so many milliseconds after the input before.
    #[serde(rename = "i")]
    Input(Millis, Box<Input>),
    /// What the input before led to.
    #[serde(rename = "e")]
    Effects(Vec<Effect>),
    /// `State::digest` after all that came before.
    #[serde(rename = "d")]
    Digest(u64),
}

/// `Input::Reading`: channel, value or number of the reason for its absence, marks, age in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample(u32, i64, u8, u32);

/// Mark of a simulated reading.
const SIMULATED: u8 = 1;
/// Mark of a reading without a value.
const ABSENT: u8 = 2;

impl Moment {
    /// An input, so many milliseconds after the one before.
    #[must_use]
    pub fn of(later: Millis, input: &Input) -> Self {
        let Input::Reading {
            channel,
            value,
            simulated,
            age_ms,
        } = input
        else {
            return Self::Input(later, Box::new(input.clone()));
        };
        let mark = if *simulated { SIMULATED } else { 0 };
        let sample = match value {
            Ok(value) => Sample(channel.0, value.0, mark, *age_ms),
            Err(reason) => Sample(channel.0, number(*reason), mark | ABSENT, *age_ms),
        };
        Self::Reading(later, sample)
    }
}

fn number(reason: Absence) -> i64 {
    let place = Absence::ALL.iter().position(|r| *r == reason);
    place.and_then(|p| i64::try_from(p).ok()).unwrap_or_default()
}

impl Sample {
    /// The reading; none if it names a reason that there is not.
    #[must_use]
    pub fn input(self) -> Option<Input> {
        let Self(channel, value, mark, age_ms) = self;
        let value = if mark & ABSENT == 0 {
            Ok(Micro(value))
        } else {
            Err(*Absence::ALL.get(usize::try_from(value).ok()?)?)
        };
        Some(Input::Reading {
            channel: ChannelIx(channel),
            value,
            simulated: mark & SIMULATED != 0,
            age_ms,
        })
    }
}
