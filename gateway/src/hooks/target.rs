//! Where a hook may be: never on link-local or metadata addresses, on this machine only when the owner says so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// Metadata services of clouds outside the link-local range: Oracle 192.0.0.192, Alibaba 100.100.100.200,
/// Azure's wire server 168.63.129.16.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
];
/// Metadata services of clouds over IPv6: AWS fd00:ec2::254, Google fd20:ce::254.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Why a hook may not be called there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL.
    #[error("a hook's url is `http://host[:port]/path` or `https://…`: {0}")]
    Url(String),
    /// Another scheme, credentials or a fragment.
    #[error("a hook's url {0}")]
    Form(&'static str),
    /// An address no hook may have.
    #[error("{address} is {what}, where no hook may be")]
    Forbidden {
        /// Resolved or literal.
        address: IpAddr,
        /// What kind of address.
        what: &'static str,
    },
    /// An address on this machine.
    #[error("{address} is this machine; say `allow_loopback = true` if the hook is really here")]
    Loopback {
        /// Resolved or literal.
        address: IpAddr,
    },
    /// A name without any address.
    #[error("`{0}` has no address")]
    NoAddress(String),
}

/// Reads a hook's URL from the config and checks what can be checked without a network. A name is checked when it has
/// been resolved, at every connection.
///
/// # Errors
/// See [`TargetError`].
pub fn check_url(text: &str, allow_loopback: bool) -> Result<Url, TargetError> {
    let url = parse(text)?;
    check_literal(&url, allow_loopback)?;
    Ok(url)
}

/// Reads a hook's URL without looking at its address.
pub(crate) fn parse(text: &str) -> Result<Url, TargetError> {
    let url = Url::parse(text).map_err(|cause| TargetError::Url(cause.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(TargetError::Form("begins with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::Form(
            "carries no user or password; the secret signs every call",
        ));
    }
    if url.fragment().is_some() {
        return Err(TargetError::Form("has no #fragment"));
    }
    Ok(url)
}

/// Checks the address in a URL that names no host but an address; such a one passes no resolver.
pub(crate) fn check_literal(url: &Url, allow_loopback: bool) -> Result<(), TargetError> {
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    literal
        .parse()
        .map_or(Ok(()), |address| check_address(address, allow_loopback))
}

/// Checks one address, and the IPv4 address it may carry inside.
///
/// # Errors
/// `Forbidden`, or `Loopback` unless that is allowed.
pub fn check_address(address: IpAddr, allow_loopback: bool) -> Result<(), TargetError> {
    if is_loopback(address) {
        return if allow_loopback {
            Ok(())
        } else {
            Err(TargetError::Loopback { address })
        };
    }
    let what = match address {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => forbidden_v6(v6).or_else(|| carried(v6).and_then(forbidden_v4)),
    };
    what.map_or(Ok(()), |what| Err(TargetError::Forbidden { address, what }))
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback() || carried(v6).is_some_and(|v4| v4.is_loopback()),
    }
}

fn forbidden_v4(v4: Ipv4Addr) -> Option<&'static str> {
    if METADATA_V4.contains(&v4) {
        return Some("a metadata service");
    }
    match v4.octets() {
        [0, ..] => Some("unspecified"),
        [169, 254, ..] => Some("link-local"),
        [224..=239, ..] => Some("multicast"),
        [240..=255, ..] => Some("broadcast or reserved"),
        _ => None,
    }
}

fn forbidden_v6(v6: Ipv6Addr) -> Option<&'static str> {
    if METADATA_V6.contains(&v6) {
        return Some("a metadata service");
    }
    match v6 {
        _ if v6.is_unspecified() => Some("unspecified"),
        _ if v6.is_unicast_link_local() => Some("link-local"),
        _ if v6.is_multicast() => Some("multicast"),
        _ => None,
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped `::ffff:a.b.c.d` (RFC 4291), compatible `::a.b.c.d`,
/// NAT64 `64:ff9b::a.b.c.d` (RFC 6052) or 6to4 `2002:ab.cd::` (RFC 3056).
fn carried(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbids_what_no_hook_may_be() {
        for url in [
            "http://169.254.169.254/latest",
            "http://0xa9fea9fe/",
            "http://2852039166/",
            "http://169.254.1.1.:80/",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[::]/",
            "http://[2002:a9fe:a9fe::1]/",
            "http://[::169.254.0.9]/",
            "http://[febf::9]/",
            "http://[fd00:ec2::254]/",
            "http://[fd20:ce::254]/",
            "http://100.100.100.200/",
            "http://192.0.0.192/",
            "http://168.63.129.16/",
            "http://0.0.0.0:80/",
            "http://0/",
            "http://224.0.0.1/",
            "http://239.255.255.250/",
            "http://255.255.255.255/",
            "http://[ff02::1]/",
        ] {
            let found = check_url(url, true);
            assert!(matches!(found, Err(TargetError::Forbidden { .. })), "{url}: {found:?}");
        }
    }

    #[test]
    fn loopback_needs_leave() {
        for url in [
            "http://127.0.0.1:9/",
            "http://127.255.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://0x7f.1/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
        ] {
            assert!(
                matches!(check_url(url, false), Err(TargetError::Loopback { .. })),
                "{url}"
            );
            assert!(check_url(url, true).is_ok(), "{url}");
        }
    }

    #[test]
    fn allows_the_rest() {
        for url in [
            "http://10.0.0.8/hook",
            "https://orchestrator.example:8443/x?y=1",
            "http://192.168.1.2/",
            "http://[2001:db8::1]/",
            "http://[fd00::1]/",
            "http://172.16.0.1/",
            "http://localhost/",
        ] {
            assert!(check_url(url, false).is_ok(), "{url}");
        }
    }

    #[test]
    fn refuses_other_forms() {
        for url in ["", "orchestrator/hook", "http://", "http://[::1", "http://a:99999/"] {
            assert!(matches!(check_url(url, true), Err(TargetError::Url(_))), "{url}");
        }
        for url in [
            "file:///etc/passwd",
            "ftp://a/",
            "http://u:p@a/",
            "http://u@a/",
            "http://a/#b",
            "unix:/run/x",
        ] {
            assert!(matches!(check_url(url, true), Err(TargetError::Form(_))), "{url}");
        }
    }
}
