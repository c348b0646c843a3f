//! Device profiles: register maps as data, with source, quirks, and how well each is proven.
//!
//! A profile is one TOML file, `profiles/<vendor>/<model>.toml`. [`Profile::parse`] reads it and names all its faults
//! at once; [`shipped`] finds the ones that come with Muster. Values are decoded in integers only, exactly.
#![forbid(unsafe_code)]

mod block;
mod canary;
pub mod capture;
mod device;
mod encoding;
mod fault;
mod head;
mod keys;
mod load;
mod meaning;
mod mode;
mod nut;
mod profile;
mod scale;
mod shipped;
mod signal;
mod snmp;
pub mod sunspec;
mod vocabulary;

pub use block::Block;
pub use canary::{Canary, Expect};
pub use device::{Device, Named};
pub use encoding::{Encoding, WordOrder};
pub use fault::Fault;
pub use head::Head;
pub use meaning::Meaning;
pub use mode::Mode;
pub use nut::{Excuse, NutProfile, NutSignal};
pub use profile::{Profile, Proof, Table};
pub use scale::Scale;
pub use shipped::{shipped, shipped_names};
pub use signal::Signal;
pub use snmp::{Exception, NoOid, Oid, Place, SnmpProfile, SnmpSignal};
pub use vocabulary::nut_name;
