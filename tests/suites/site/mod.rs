//! What suites stand on: peers as processes, a small site, and waiting for facts with a bound.

pub(crate) mod acting_site;
pub(crate) mod alarm_node;
pub(crate) mod browser;
pub(crate) mod desk;
pub(crate) mod disk;
pub(crate) mod hosted;
pub(crate) mod listener;
pub(crate) mod panel;
pub(crate) mod process;
pub(crate) mod receiver;
pub(crate) mod talk;
