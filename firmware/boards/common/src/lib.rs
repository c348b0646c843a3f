//! What boards with embassy-net have in common: the way to the broker.
#![no_std]

mod dial;

pub use dial::{Line, Tcp, Tls};
