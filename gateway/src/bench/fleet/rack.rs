//! The config and the profile of a fleet of Modbus TCP devices.

use std::fmt::Write as _;
use std::net::SocketAddr;

use muster_sim::modbus::stamped::{REGISTERS, STAMPS};

/// Trip registers are read this often: as often as the profile allows. Milliseconds.
pub(super) const TRIP_EVERY_MS: u64 = 100;
/// Signals that tell when their answer was written: of the trip registers, and of the others.
pub(super) const MARKS: [(&str, bool); 2] = [("s0", true), ("s10", false)];
/// File of the profile, beside the config.
pub(super) const PROFILE: &str = "rack.toml";
/// Registers below this one trip something.
const FIRST_REST: u16 = STAMPS[1];

/// 50 registers: 10 that trip, 40 that do not, and the last one over again as the canary that every cycle ends with.
pub(super) fn profile() -> String {
    let last = REGISTERS - 1;
    let mut text = format!(
        "vendor = \"bench\"\nmodel = \"rack\"\nkind = \"modbus\"\ndocument = \"muster bench\"\n\
         proven_by = \"simulated\"\nmin_poll_ms = {TRIP_EVERY_MS}\ntimeout_ms = 500\n\
         [canary]\ntable = \"holding\"\naddress = {last}\nexpect = {last}\n"
    );
    for register in 0..REGISTERS {
        let wide = STAMPS.contains(&register);
        if STAMPS.contains(&register.wrapping_sub(1)) {
            continue;
        }
        let kind = if wide { "u32" } else { "u16" };
        let trip = if register < FIRST_REST { "trip = true\n" } else { "" };
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(
            text,
            "[[signal]]\nname = \"s{register}\"\ntable = \"holding\"\naddress = {register}\ntype = \"{kind}\"\n\
             quantity = \"counter\"\n{trip}"
        );
    }
    text
}

/// A source for every address, `d0` and so on.
pub(super) fn sources(addresses: &[SocketAddr]) -> String {
    let mut text = String::new();
    for (at, address) in addresses.iter().enumerate() {
        let _ = writeln!(
            text,
            "[[source]]\nid = \"d{at}\"\nkind = \"modbus\"\naddress = \"{address}\"\nsegment = \"racks\"\n\
             profile = \"./{PROFILE}\"\nzone = \"room\""
        );
    }
    text
}
