//! The story of `muster demo`: one fire, two rooms, real protocols.

mod destination;
mod ending;
mod play;
mod report;
mod room;
mod screen;
pub mod story;
mod tape;

pub use play::{DemoError, Options, play};
pub use report::Report;
