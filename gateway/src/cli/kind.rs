//! What stands at an address, as far as its port tells.

use crate::config::Port;

/// What a device may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    Modbus,
    Snmp,
    Nut,
}

/// What was given, else by the port of `host:port`; on a serial line it is Modbus.
///
/// # Errors
/// One line that says what to give.
pub(super) fn of(address: &str, given: Option<Kind>) -> Result<Kind, String> {
    if Port::parse(address).is_some_and(|port| port.baud().is_some()) {
        let other = given.is_some_and(|kind| kind != Kind::Modbus);
        let why = || format!("`{address}` is a serial line, where only Modbus is spoken: leave --kind out");
        return (!other).then_some(Kind::Modbus).ok_or_else(why);
    }
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    match (port, given) {
        (None, _) => Err(format!(
            "`{address}` has no port: give HOST:PORT, as a rule HOST:502 for Modbus, HOST:161 for SNMP, HOST:3493 for NUT"
        )),
        (_, Some(kind)) => Ok(kind),
        (Some(502), None) => Ok(Kind::Modbus),
        (Some(161), None) => Ok(Kind::Snmp),
        (Some(3493), None) => Ok(Kind::Nut),
        (Some(port), None) => Err(format!(
            "what speaks at port {port}? Give --kind modbus, --kind snmp or --kind nut"
        )),
    }
}
