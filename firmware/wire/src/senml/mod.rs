//! SenML packs (RFC 8428), CBOR from nodes, JSON from anyone (feature `json`), one data model for both.
//!
//! ```text
//! [ {bn: "node-1:", n: "boot", v: 7}, {n: "seq", v: 41}, {n: "gas", v: 12.5, u: "ppm"}, {n: "temp", vs: "crc"} ]
//! ```
//! What is narrower than the RFC, and why:
//! * `bn` stands in the first record, is `{node}:` with an id, and does not change: a pack speaks for one node.
//! * One mandatory field is ours and understood: `sim_` (bool, first record only): every reading of the pack is simulated.
//!   A reader that does not know it must not believe the pack, which is what the `_` says. Every other field whose name
//!   ends in `_` refuses the pack.
//! * A field twice in one record, or a JSON string with an escape in a field we read, refuses the pack: two readers
//!   could disagree on what it says.
//! * Sums (`s`), update time (`ut`) and data values (`vd`) are skipped: no channel has them.

mod body;
mod cbor;
mod fields;
#[cfg(feature = "json")]
mod json;
mod pack;
mod resolve;
mod write;

pub use pack::{Header, Pack, PackFault, Records};
pub use resolve::{Record, RecordFault, Refused, Value};
pub use write::{Full, PackWriter};

/// Largest pack, in bytes, either way.
pub const MAX_PACK_BYTES: usize = 4096;

/// Name of the first record: counts starts of the node.
pub const BOOT: &str = "boot";

/// Name of the second record: counts packs within a boot.
pub const SEQ: &str = "seq";

/// Name of the text record in which a node says, in its birth, why it has started: `power`, `watchdog` or `panic`.
pub const RESET: &str = "reset";

/// Name of the text record in which a node says, in its birth, which firmware it runs.
pub const FIRMWARE: &str = "firmware";

/// Name of the record in which a node says how many samples its store has dropped unsent since boot.
pub const LOST: &str = "lost";
