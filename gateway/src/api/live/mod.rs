//! What is live: events as they happen, and the picture as it changes. Both go to any number of listeners without the
//! engine waiting for one of them.

mod frames;
mod line;
mod news;
mod past;
mod stream;

pub(super) use frames::{Frames, draw};
pub(super) use line::of_told;
pub use news::News;
pub(super) use past::Desk;
pub(super) use stream::{Limits, follow_events, follow_page};
