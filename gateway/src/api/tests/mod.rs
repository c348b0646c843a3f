//! The API as clients meet it: over real TCP.

mod command;
mod devices;
mod elsewhere;
mod history;
mod limits;
mod listeners;
mod orders;
mod progress;
mod reads;
pub(super) mod stand;
pub(super) mod story;
