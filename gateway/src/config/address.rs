//! Where a polled device is, and which bus it stands on.

use std::net::{IpAddr, SocketAddr};

use super::names::MAX_ID;

/// A device's address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// As written.
    pub(super) text: String,
    host: String,
    port: u16,
}

impl Address {
    /// An IP address or a host name, a colon, and a port from 1; an IPv6 address stands in brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            let host = address.ip().to_canonical().to_string();
            return (address.port() != 0).then(|| Self {
                text: text.to_owned(),
                host,
                port: address.port(),
            });
        }
        let (host, port) = text.rsplit_once(':')?;
        let port = port
            .parse()
            .ok()
            .filter(|p| *p != 0 && port.bytes().all(|b| b.is_ascii_digit()))?;
        is_host_name(host).then(|| Self {
            text: text.to_owned(),
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// A serial line of this machine.
    pub(super) fn of_line(path: &str) -> Self {
        Self {
            text: path.to_owned(),
            host: path.rsplit('/').next().unwrap_or(path).to_owned(),
            port: 0,
        }
    }

    /// Whether it is this machine.
    pub(super) fn is_here(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Whether who asks there asks what listens here.
    pub(super) fn is_of(&self, listen: SocketAddr) -> bool {
        let ip = listen.ip().to_canonical();
        let same = self.host.parse::<IpAddr>().is_ok_and(|host| host == ip);
        self.port == listen.port() && (same || (self.is_here() && (ip.is_loopback() || ip.is_unspecified())))
    }

    /// What all devices of one wire have in common: the host. On loopback it is the port too, because there each port
    /// is a forwarder of one serial line, or a simulated device.
    pub(super) fn segment(&self) -> String {
        if self.is_here() {
            format!("{}:{}", self.host, self.port)
        } else {
            self.host.clone()
        }
    }
}

/// Whether a host is this machine, by address or by name.
pub(super) fn is_loopback(host: &str) -> bool {
    let by_name = host == "localhost" || host.ends_with(".localhost");
    by_name || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Letters, digits, `-` and dots; not something that only looks like an IPv4 address.
fn is_host_name(host: &str) -> bool {
    let label = |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let numeric = |l: &str| l.bytes().all(|b| b.is_ascii_digit());
    host.len() <= 253 && host.split('.').all(label) && !host.rsplit('.').next().is_some_and(numeric)
}

/// The group of every device on a segment. Two long names may become one group: that errs towards fewer votes.
pub(super) fn bus_group(segment: &str) -> String {
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    format!("bus-{segment}").chars().map(allowed).take(MAX_ID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_address_is_known_by_every_name() {
        let is_of = |text: &str, listen: &str| Address::parse(text).unwrap().is_of(listen.parse().unwrap());
        assert!(is_of("localhost:3493", "0.0.0.0:3493") && is_of("127.0.0.1:3493", "127.0.0.1:3493"));
        assert!(is_of("10.0.0.1:3493", "10.0.0.1:3493"));
        assert!(!is_of("localhost:3494", "0.0.0.0:3493") && !is_of("10.0.0.1:3493", "127.0.0.1:3493"));
        assert!(!is_of("localhost:3493", "10.0.0.1:3493"));
    }

    #[test]
    fn addresses_are_taken_or_refused() {
        for good in [
            "10.0.4.17:502",
            "ups-1.example:502",
            "[fe80::1]:502",
            "localhost:1",
            "a:65535",
        ] {
            assert!(Address::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            ":",
            "10.0.4.17",
            "10.0.4:502",
            "300.1.1.1:502",
            "a:0",
            "a:+5",
            "a:65536",
            "a b:5",
            "::1:502",
            ".:5",
        ] {
            assert!(Address::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_host_is_a_segment_but_a_loopback_port_is_one_too() {
        let segment = |text| Address::parse(text).map(|a| a.segment());
        assert_eq!(segment("10.0.4.17:502"), segment("10.0.4.17:503"));
        assert_eq!(segment("[::ffff:10.0.4.17]:502"), segment("10.0.4.17:503"));
        assert_ne!(segment("127.0.0.1:502"), segment("127.0.0.1:503"));
    }

    #[test]
    fn a_bus_group_is_an_id() {
        assert_eq!(bus_group("10.0.4.17"), "bus-10-0-4-17");
        assert!(super::super::names::is_id(&bus_group(&"Ä.example".repeat(9))));
    }
}
