//! How a UPS is read through NUT's upsd (RFC 9271).

use std::collections::BTreeMap;

use muster_wire::{Absence, MICRO, Micro, Quantity};

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
    /// What another variable says that takes the meaning away, as `unless` does within the same one.
    pub excuse: Option<Excuse>,
    /// What it measures.
    pub quantity: Quantity,
    /// Polled at the fastest rate and sent on the lane of alarms.
    pub trip: bool,
}

/// What another variable says of a test or a calibration: drivers that have no word for it in `ups.status` say it in
/// `ups.test.result` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excuse {
    /// Which, such as `ups.test.result`.
    pub variable: String,
    /// One of these texts, in any case, anywhere in it: drivers write around them as they like.
    pub says: Vec<String>,
}

impl NutSignal {
    /// The value of the variable's text alone.
    ///
    /// # Errors
    /// See [`Meaning::of_text`].
    pub fn decode(&self, text: &str) -> Result<Micro, Absence> {
        self.meaning.of_text(text, self.quantity)
    }

    /// The value by all that is said at one time; none where its variable is not said.
    #[must_use]
    pub fn value(&self, said: &BTreeMap<String, String>) -> Option<Result<Micro, Absence>> {
        let text = said.get(&self.variable)?;
        Some(if self.is_excused(said) {
            Ok(Micro(0))
        } else {
            self.decode(text)
        })
    }

    /// Whether something is said that takes the meaning away.
    #[must_use]
    pub fn is_excused(&self, said: &BTreeMap<String, String>) -> bool {
        self.excuses(said).any(|(_, said)| said == Some(true))
    }

    /// What may take the meaning away: the variable that says so, and whether it does; none where it is not there.
    pub fn excuses<'a>(&'a self, said: &'a BTreeMap<String, String>) -> impl Iterator<Item = (&'a str, Option<bool>)> {
        let own = said.get(&self.variable).map(|text| self.meaning.is_excused(text));
        let other = self
            .excuse
            .iter()
            .map(|excuse| (excuse.variable.as_str(), excuse.holds(said)));
        std::iter::once((self.variable.as_str(), own)).chain(other)
    }

    /// The value of the variable's text, whatever takes its meaning away.
    ///
    /// # Errors
    /// See [`Meaning::of_text`].
    pub fn unexcused(&self, text: &str) -> Result<Micro, Absence> {
        match self.meaning.is_excused(text) {
            true => Ok(Micro(i64::from(self.meaning.holds(text)) * MICRO)),
            false => self.decode(text),
        }
    }
}

impl Excuse {
    fn holds(&self, said: &BTreeMap<String, String>) -> Option<bool> {
        let text = said.get(&self.variable)?.to_ascii_lowercase();
        Some(self.says.iter().any(|part| text.contains(&part.to_ascii_lowercase())))
    }
}
