//! How far a reading can be believed. Missing is never zero.

/// Why a channel has no value (design §10). The words are the wire's `vs` values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Absence {
    /// The sensor has not settled yet.
    Warmup,
    /// The bus to the sensor did not answer.
    Bus,
    /// The sensor's own checksum failed.
    Crc,
    /// Outside what the sensor or the quantity can be.
    Range,
    /// Changed faster than physics allows.
    Rate,
    /// Has not moved for longer than noise allows.
    Stuck,
    /// Supervised contact: the wire is cut.
    Open,
    /// Supervised contact: the wire is shorted.
    Short,
    /// The device's settings forbid a value.
    Config,
    /// The node or device is not heard any more.
    Lost,
}

impl Absence {
    /// Every reason, in wire order.
    pub const ALL: [Self; 10] = [
        Self::Warmup,
        Self::Bus,
        Self::Crc,
        Self::Range,
        Self::Rate,
        Self::Stuck,
        Self::Open,
        Self::Short,
        Self::Config,
        Self::Lost,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warmup => "warmup",
            Self::Bus => "bus",
            Self::Crc => "crc",
            Self::Range => "range",
            Self::Rate => "rate",
            Self::Stuck => "stuck",
            Self::Open => "open",
            Self::Short => "short",
            Self::Config => "config",
            Self::Lost => "lost",
        }
    }

    /// The reason a word stands for; `None` for any other word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == word)
    }
}

/// How far a reading can be believed (design §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Fresh, in range, from the device itself.
    Good,
    /// Was good, but older than its supervision window.
    Stale,
    /// A value that cannot be: out of range or for the wrong unit.
    Bad,
    /// No value, and why.
    Absent(Absence),
    /// From a simulation or an injected drill; believed only by a simulated site.
    Simulated,
}

impl Quality {
    /// The word shown to people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Stale => "stale",
            Self::Bad => "bad",
            Self::Absent(reason) => reason.as_str(),
            Self::Simulated => "simulated",
        }
    }
}
