//! Where a hook may point to. Only literals can be judged here; names are judged again when they are resolved.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use super::address::is_loopback;
use super::faults::{At, Faults, quoted};

/// Metadata services of clouds that are not link-local: EC2 by IPv6, Alibaba.
const METADATA: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
];

/// Their names.
const METADATA_NAMES: [&str; 3] = ["metadata.google.internal", "metadata", "instance-data"];

/// Reports what is wrong with it. Whether it points to another machine.
pub(super) fn check(text: &At<String>, allow_loopback: bool, faults: &Faults<'_>) -> bool {
    let error = |what: &str, hint: &str| faults.error(text.at, what.to_owned(), hint);
    let Ok(url) = Url::parse(&text.value) else {
        error(
            "the hook's URL cannot be read",
            "such as \"https://relocate.example/muster\"",
        );
        return false;
    };
    if !matches!(url.scheme(), "http" | "https") {
        error(
            &format!("a hook cannot be reached by {}", quoted(url.scheme())),
            "https, or http on loopback",
        );
        return false;
    }
    if !url.username().is_empty() || url.password().is_some() {
        error(
            "the hook's URL carries a user or a password",
            "remove them: calls are signed with the hook's secret",
        );
    }
    let host = url.host_str().unwrap_or_default();
    if !check_host(text.at, host, allow_loopback, faults) {
        return false;
    }
    if url.scheme() == "http" {
        let hint = "use https: anybody on the way reads which workloads move, and can keep calls from arriving";
        faults.warning(
            text.at,
            format!("hook calls to {} are not encrypted", quoted(host)),
            hint,
        );
    }
    true
}

/// Reports a host that a hook may not have. Whether it is another machine.
pub(super) fn check_host(at: usize, host: &str, allow_loopback: bool, faults: &Faults<'_>) -> bool {
    if let Some(why) = forbidden(host) {
        let what = format!("a hook must not point to {}: {why}", quoted(host));
        faults.error(at, what, "name the machine that does the work");
        return false;
    }
    let here = host_is_loopback(host);
    if here && !allow_loopback {
        let what = format!("the hook points to this machine, {}", quoted(host));
        faults.error(at, what, "if that is meant: allow_loopback = true");
    }
    !here
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
        .ok()
        .map(|ip| ip.to_canonical())
}

fn host_is_loopback(host: &str) -> bool {
    literal(host).map_or_else(|| is_loopback(host.trim_end_matches('.')), |ip| ip.is_loopback())
}

/// Why no hook may ever point there.
fn forbidden(host: &str) -> Option<&'static str> {
    let Some(ip) = literal(host) else {
        return METADATA_NAMES
            .contains(&host.trim_end_matches('.'))
            .then_some("a cloud's metadata service");
    };
    let link_local = match ip {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    if METADATA.contains(&ip) {
        Some("a cloud's metadata service")
    } else if link_local {
        Some("a link-local address, where clouds keep their metadata")
    } else if ip.is_unspecified() || ip.is_multicast() {
        Some("not the address of one machine")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Severity;

    fn severities(url: &str, allow_loopback: bool) -> Vec<Severity> {
        let faults = Faults::new("f", "");
        check(&At::new(url.to_owned(), 0), allow_loopback, &faults);
        faults.into_findings().into_iter().map(|f| f.severity).collect()
    }

    #[test]
    fn targets_that_may_not_be_called() {
        for bad in [
            "ftp://a.example/",
            "relocate",
            "",
            "https://",
            "https://u:p@a.example/",
            "http://169.254.169.254/latest",
            "http://0xa9fea9fe/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://[::ffff:169.254.169.254]/",
            "http://metadata.google.internal./",
            "http://0.0.0.0/",
            "http://[::]/",
            "https://255.255.255.255/",
        ] {
            assert!(severities(bad, true).contains(&Severity::Error), "{bad}");
        }
    }

    #[test]
    fn loopback_needs_leave() {
        for url in [
            "http://127.0.0.1:8700/",
            "http://2130706433/",
            "http://[::1]/",
            "http://localhost/",
            "http://[::ffff:127.0.0.1]/",
            "http://LOCALHOST./",
        ] {
            assert_eq!(severities(url, false), [Severity::Error], "{url}");
            assert_eq!(severities(url, true), [], "{url}");
        }
    }

    #[test]
    fn plain_http_elsewhere_is_a_warning() {
        assert_eq!(severities("http://10.0.0.5/x", false), [Severity::Warning]);
        assert_eq!(severities("https://10.0.0.5/x", false), []);
    }
}
