//! The MQTT 5 session of a node, over any byte stream.
//!
//! Sampling and the network run side by side: [`Desk`] is where they meet. Sampling calls [`Desk::tick`], which never
//! waits; [`run`] connects, publishes what the store has, hears the durable acknowledgements, and begins anew whenever a
//! connection ends. Every wait on the network has a deadline.

mod backoff;
mod desk;
mod session;
mod turning;

pub use backoff::Backoff;
pub use desk::{Counters, Desk};
pub use session::{Dial, Identity, RX_BYTES, TX_BYTES, run};
