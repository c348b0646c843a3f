//! The gateway: everything that touches the world. It decides nothing; `muster-core` does.
//!
//! Data flows one way: `sources` → `ingest` → `engine` (stamps, journals, calls `muster_core::step`) → `runner` → `hooks`.

pub mod api;
pub mod bench;
pub mod certs;
pub mod cli;
pub mod clock;
pub mod config;
pub mod counters;
pub mod demo;
pub mod engine;
pub mod epoch;
pub mod gateway;
pub mod hooks;
pub mod incident;
pub mod ingest;
pub mod journal;
pub mod lanes;
pub mod lines;
pub mod notify;
pub mod readiness;
pub mod recorder;
pub mod replay;
pub mod runner;
pub mod service;
pub mod sources;
pub mod told;
pub mod trial;
pub mod upsd;
