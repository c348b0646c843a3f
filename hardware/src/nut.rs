//! How a UPS is read through NUT's upsd (RFC 9271).

use muster_wire::{Absence, Micro, Quantity};

use crate::{Head, Meaning};

/// How one sort of UPS is read through NUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NutProfile {
    /// What it says of itself.
    pub head: Head,
    /// What it measures; names are unique.
    pub signals: Vec<NutSignal>,
}

/// One signal: a variable and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NutSignal {
    /// Unique in the profile, `[a-z0-9_-]{1,32}`.
    pub name: String,
    /// The variable, such as `battery.charge`.
    pub variable: String,
    /// What its text means.
    pub meaning: Meaning,
    /// What it measures.
    pub quantity: Quantity,
    /// Polled at the fastest rate and sent on the lane of alarms.
    pub trip: bool,
}

impl NutSignal {
    /// The value of the variable's text.
    ///
    /// # Errors
    /// See [`Meaning::of_text`].
    pub fn decode(&self, text: &str) -> Result<Micro, Absence> {
        self.meaning.of_text(text, self.quantity)
    }
}
