//! What Muster's nodes and gateways say to each other, and in which words.
//!
//! Quantities, units, quality and absence are defined here once; every other room uses these.
//! `no_std`, no allocation except for the JSON reader (feature `json`), no `unsafe`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "json")]
extern crate alloc;

mod mark;
mod micro;
mod quality;
mod quantity;
pub mod senml;
mod topic;

pub use mark::Mark;
pub use micro::{MICRO, Micro};
pub use quality::{Absence, Quality};
pub use quantity::{Quantity, Unit};
pub use topic::{MAX_ID_BYTES, MAX_TOPIC_BYTES, OFFLINE, ONLINE, PREFIX, Topic, TopicError, TopicKind, VERSION, is_id};
