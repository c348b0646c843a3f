//! What a node is told about itself, checked before it starts.

use muster_wire::senml::{BOOT, FIRMWARE, LOST, RESET, SEQ};
use muster_wire::{MAX_ID_BYTES, MICRO, Micro, Quantity, is_id};

/// Text records a birth may have.
pub const MAX_BIRTH: usize = 4;

/// What a node is.
#[derive(Clone, Copy, Debug)]
pub struct NodeSpec<'a, const CHANNELS: usize> {
    /// Its id, `[a-z0-9-]{1,32}`; the name in its certificate.
    pub id: &'a str,
    /// Has risen since the last start; kept by the caller in memory that outlives power. At most `i64::MAX`.
    pub boot: u64,
    /// Whether that memory holds it. If not, it may be below one that the gateway has heard, and is raised when it says so.
    pub boot_kept: bool,
    /// Every reading is marked as simulated.
    pub simulated: bool,
    /// Between two samples. Milliseconds, > 0.
    pub sample_ms: u64,
    /// Between two reports of all channels. Milliseconds, ≥ `sample_ms`.
    pub heartbeat_ms: u64,
    /// Text records of the first pack after a connect, such as (`reset`, `power`); at most [`MAX_BIRTH`], each name and
    /// text at most 32 bytes.
    pub birth: &'a [(&'a str, &'a str)],
    /// What it measures.
    pub channels: [ChannelSpec<'a>; CHANNELS],
}

/// What a channel is.
#[derive(Clone, Copy, Debug)]
pub struct ChannelSpec<'a> {
    /// The signal's id, unique in the node; empty where there is no channel ([`Self::NONE`]).
    pub name: &'a str,
    /// What it measures; samples outside its range are absent with `range`.
    pub quantity: Quantity,
    /// Samples beyond it go out at once and every sample again. At or inside the lowest limit the gateway decides by.
    pub alarm: Option<Limit>,
    /// A change this large since the last report is reported, at most once a sample. `None` = heartbeats only.
    pub report_delta: Option<Micro>,
    /// A faster change is absent with `rate`. Units a second. `None` = unchecked.
    pub max_rate_per_s: Option<Micro>,
    /// A sensor with noise that repeats one value for longer is absent with `stuck`. `None` = unchecked.
    pub stuck_after_ms: Option<u64>,
    /// Sampled at every so manyth tick of the node; 0 = never: it is told by [`crate::Node::take`], or is not there.
    pub every: u16,
    /// Its alarm edge is the last message of a node whose supply fails: it goes out before all that waits.
    pub last_gasp: bool,
}

impl ChannelSpec<'_> {
    /// A place without a channel.
    pub const NONE: Self = Self {
        name: "",
        quantity: Quantity::Counter,
        alarm: None,
        report_delta: None,
        max_rate_per_s: None,
        stuck_after_ms: None,
        every: 0,
        last_gasp: false,
    };

    /// Whether there is a channel.
    pub(crate) const fn is_there(&self) -> bool {
        !self.name.is_empty()
    }
}

/// A threshold with hysteresis, as the gateway's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// At or beyond this a channel is in alarm.
    pub set: Micro,
    /// Strictly inside this it is not any more.
    pub clear: Micro,
    /// Whether beyond means above (else below).
    pub above: bool,
}

impl Limit {
    /// From below, clearing a tenth back.
    #[must_use]
    pub const fn above(units: i64) -> Self {
        Self {
            set: Micro(units * MICRO),
            clear: Micro(units * MICRO * 9 / 10),
            above: true,
        }
    }

    /// Whether a channel is in alarm after this value; between the two thresholds as `before`.
    pub(crate) fn alarms(self, value: Micro, before: bool) -> bool {
        let (set, cleared) = match self.above {
            true => (value >= self.set, value < self.clear),
            false => (value <= self.set, value > self.clear),
        };
        set || (before && !cleared)
    }

    fn is_ordered(self) -> bool {
        if self.above {
            self.clear <= self.set
        } else {
            self.clear >= self.set
        }
    }
}

/// Why a node cannot start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The node's id is not `[a-z0-9-]{1,32}`, or `boot` is beyond `i64::MAX`.
    #[error("the node's id is not `[a-z0-9-]{{1,32}}`, or its boot count is too large")]
    Identity,
    /// `sample_ms` is 0, or `heartbeat_ms` below it.
    #[error("sample_ms is 0 or heartbeat_ms below it")]
    Period,
    /// More than [`MAX_BIRTH`] text records of the birth, or one longer than 32 bytes.
    #[error("the birth has more than 4 text records, or one is longer than 32 bytes")]
    Birth,
    /// This channel's name is no id, is one of the protocol's own, or stands twice.
    #[error("channel {0}: its name is no id, reserved, or there twice")]
    Name(usize),
    /// This channel's alarm clears beyond where it sets.
    #[error("channel {0}: its alarm clears beyond where it sets")]
    Limit(usize),
}

impl<const CHANNELS: usize> NodeSpec<'_, CHANNELS> {
    pub(crate) fn check(&self) -> Result<(), SpecError> {
        if !is_id(self.id) || i64::try_from(self.boot).is_err() {
            return Err(SpecError::Identity);
        }
        if self.sample_ms == 0 || self.heartbeat_ms < self.sample_ms {
            return Err(SpecError::Period);
        }
        let fits = |(name, text): &(&str, &str)| name.len() <= MAX_ID_BYTES && text.len() <= MAX_ID_BYTES;
        if self.birth.len() > MAX_BIRTH || !self.birth.iter().all(fits) {
            return Err(SpecError::Birth);
        }
        let there = |(_, channel): &(usize, &ChannelSpec<'_>)| channel.is_there() || channel.every > 0;
        for (at, channel) in self.channels.iter().enumerate().filter(there) {
            let twice = self.channels[..at].iter().any(|c| c.name == channel.name);
            if twice || !is_id(channel.name) || [BOOT, SEQ, LOST, RESET, FIRMWARE].contains(&channel.name) {
                return Err(SpecError::Name(at));
            }
            if channel.alarm.is_some_and(|limit| !limit.is_ordered()) {
                return Err(SpecError::Limit(at));
            }
        }
        Ok(())
    }
}
