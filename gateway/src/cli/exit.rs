//! Exit codes (design §10, after sysexits.h).

/// A finding: it ran, and something is not as it should be.
pub const FINDING: u8 = 1;
/// Usage or config.
pub const USAGE: u8 = 64;
/// Somebody could not be reached.
pub const UNREACHABLE: u8 = 69;
/// Not done yet: somebody else has to do something first, such as the second person of an order (EX_TEMPFAIL).
pub const PENDING: u8 = 75;
/// Our bug.
pub const BUG: u8 = 70;
