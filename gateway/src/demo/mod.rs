//! The story of `muster demo`: one fire, two rooms, real protocols.

pub mod story;
