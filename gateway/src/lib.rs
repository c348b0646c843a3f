//! The gateway: everything that touches the world. It decides nothing; `muster-core` does.
//!
//! Data flows one way: `sources` → `ingest` → `engine` (stamps, journals, calls `muster_core::step`) → `runner` → `hooks`.

pub mod api;
pub mod bench;
pub mod cli;
pub mod clock;
pub mod config;
pub mod counters;
pub mod demo;
pub mod engine;
pub mod gateway;
pub mod hooks;
pub mod ingest;

pub mod journal;
pub mod lanes;
pub mod lines;
pub mod notify;
pub mod runner;
pub mod sources;
pub mod told;
