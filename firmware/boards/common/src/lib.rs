//! What boards with embassy-net have in common: the way to the broker, the look at the supply, and the depth of the stack.
#![no_std]

mod dial;
pub mod stack;
mod watch;

pub use dial::{Line, Tcp, Tls};
pub use watch::until_tick;
