//! What goes out: hooks of every manner, orders by people, drills, and what is shown meanwhile.

mod chromium;
mod contract;
pub(crate) mod demo;
mod drills;
mod evidence;
mod hooks;
mod jsonschema;
mod jsonschema_api;
mod listening;
mod orders;
mod progress;
mod promtool;
mod shown;
