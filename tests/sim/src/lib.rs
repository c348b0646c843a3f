//! The simulated site: seeded physics of a battery room, and devices that answer real protocols.
//!
//! Every device shares one story and shows its part of the same [`Room`] at the story's time: nodes publish real
//! MQTT over TCP, UPSes and contacts answer real Modbus TCP, a receiver takes real webhooks and its time. Registers
//! are written by hand from the makers' maps, so no decoder is shared with the gateway: a scaling bug cannot cancel out.
#![forbid(unsafe_code)]

pub mod building;
pub mod discharge;
pub mod emulator;
mod facts;
pub mod modbus;
pub mod nodes;
mod noise;
pub mod nut;
mod physics;
pub mod receiver;
pub mod silicon;
mod site;
pub mod snmp;
mod story;
mod tape;

pub use facts::{FIRST_LOSS_S, Fact, PANGYO_2022};
pub use physics::{Air, Battery, NODE_DISTANCE_M, Panel, Room, RoomState, Scenario, Script, Ups, UpsPlace};
pub use site::{DeviceSpec, FitOut, SimSite, SiteError, SiteSpec, as_built, recommended};
pub use story::{HandClock, StoryTime};
