//! What the levels rest on, channel by channel: plain data, built when somebody asks.

use alloc::{string::String, vec::Vec};
use muster_wire::Micro;

use crate::{Level, Limit, Millis, RackView};

/// A site at one moment: who votes, who could, who cannot. Times are engine milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainView {
    /// Site id.
    pub site: String,
    /// Engine time of the view.
    pub now: Millis,
    /// Highest of the zones', or the whole site's.
    pub level: Level,
    /// One line.
    pub why: String,
    /// One group alone evacuates here, says its owner.
    pub single_group: bool,
    /// Every zone.
    pub zones: Vec<ZoneExplained>,
    /// What feeds every rack and until when, if every vote becomes two; empty at a site without feeds.
    pub racks: Vec<RackView>,
}

/// A zone and the groups that vote in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneExplained {
    /// Zone id.
    pub id: String,
    /// Its level.
    pub level: Level,
    /// One line.
    pub why: String,
    /// Other zones whose votes count together with those of this one.
    pub counts_with: Vec<String>,
    /// It evacuates at this engine time unless somebody aborts.
    pub window_until: Option<Millis>,
    /// Groups that vote here, or are configured to.
    pub groups: Vec<GroupExplained>,
    /// Channels that no group votes by, because they have no alarm limit.
    pub without_limit: Vec<String>,
}

/// A group in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupExplained {
    /// Group id.
    pub id: String,
    /// Its latched vote.
    pub vote: Option<VoteExplained>,
    /// One of its channels at least could alarm and vote now.
    pub can_vote: bool,
    /// Its channels with an alarm limit in this zone.
    pub channels: Vec<ChannelExplained>,
}

/// A latched vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteExplained {
    /// Held (else returned).
    pub held: bool,
    /// Engine time of its latest onset.
    pub onset: Millis,
    /// When it returns if nothing changes; none while what alarmed still does, or cannot say that it does not.
    pub returns_at: Option<Millis>,
    /// Not cast by an alarm: a channel died beside one.
    pub died: bool,
    /// One line: by which channel, and at what value against which limit.
    pub why: String,
}

/// A channel against its alarm limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelExplained {
    /// Channel id.
    pub id: String,
    /// What it measures.
    pub quantity: String,
    /// Its unit.
    pub unit: String,
    /// It is on or off, and has no value between.
    pub contact: bool,
    /// Last good value.
    pub value: Option<Micro>,
    /// How much of that its reference shows outside the room as well.
    pub outside: Micro,
    /// Since the last good sample. Milliseconds; none if there has been none.
    pub age_ms: Option<Millis>,
    /// The alarm limit that counts now.
    pub limit: Limit,
    /// It is that of planned work.
    pub lowered: bool,
    /// How far the room's own value is from the limit; 0 or less: it is beyond.
    pub short: Option<Micro>,
    /// Of the last `n` samples so many were beyond; `k` decide.
    pub beyond: u8,
    /// See `beyond`.
    pub k: u8,
    /// See `beyond`.
    pub n: u8,
    /// Rise in a minute against its limit.
    pub rise: Option<RateExplained>,
    /// Slow rise in an hour against its limit (of the watch level).
    pub trend: Option<RateExplained>,
    /// In alarm now.
    pub alarm: bool,
    /// Has alarmed since the last reset.
    pub alarmed: bool,
    /// Why it cannot vote.
    pub cannot: Option<CannotVote>,
}

/// A rate of rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateExplained {
    /// None while too little is known.
    pub now: Option<Micro>,
    /// From here on it counts.
    pub limit: Micro,
}

/// Why a channel cannot vote, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannotVote {
    /// `fault`, `bypass`, `inhibit` or `unheard`.
    pub kind: String,
    /// One line.
    pub line: String,
    /// Engine time.
    pub since: Millis,
}
