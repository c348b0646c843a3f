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

/// Reports what is wrong with a hook's URL. Whether it points to another machine.
pub(super) fn check(text: &At<String>, allow_loopback: bool, faults: &Faults<'_>) -> bool {
    check_of("hook", text, allow_loopback, faults)
}

/// As [`check`], of what the noun says.
pub(super) fn check_of(noun: &str, text: &At<String>, allow_loopback: bool, faults: &Faults<'_>) -> bool {
    let error = |what: String, hint: &str| faults.error(text.at, what, hint);
    let Ok(url) = Url::parse(&text.value) else {
        error(
            format!("the {noun}'s URL cannot be read"),
            "such as \"https://relocate.example/muster\"",
        );
        return false;
    };
    if !matches!(url.scheme(), "http" | "https") {
        error(
            format!("a {noun} cannot be reached by {}", quoted(url.scheme())),
            "https, or http on loopback",
        );
        return false;
    }
    if !url.username().is_empty() || url.password().is_some() {
        error(
            format!("the {noun}'s URL carries a user or a password"),
            "remove them: calls are signed with a secret",
        );
    }
    let host = url.host_str().unwrap_or_default();
    let elsewhere = check_host(noun, &At::new(host, text.at), allow_loopback, faults);
    if elsewhere && url.scheme() == "http" {
        let hint = "use https: anybody on the way reads what moves and why, and can keep calls from arriving";
        faults.warning(
            text.at,
            format!("{noun} calls to {} are not encrypted", quoted(host)),
            hint,
        );
    }
    elsewhere
}

/// Reports where nothing of ours may point to. Whether it is another machine, and may be called.
pub(super) fn check_host(noun: &str, host: &At<&str>, allow_loopback: bool, faults: &Faults<'_>) -> bool {
    if let Some(why) = forbidden(host.value) {
        let what = format!("a {noun} must not point to {}: {why}", quoted(host.value));
        faults.error(host.at, what, "name the machine that is meant");
        return false;
    }
    let here = host_is_loopback(host.value);
    if here && !allow_loopback {
        let what = format!("the {noun} points to this machine, {}", quoted(host.value));
        faults.error(host.at, what, "if that is meant: allow_loopback = true");
    }
    !here
}

/// Whether a host looks as if it stood in the site itself: this machine, a private address (RFC 1918, RFC 4193, RFC 6598),
/// or a name that no outside resolver knows (RFC 6761, RFC 6762, RFC 8375).
pub(super) fn looks_local(host: &str) -> bool {
    const ENDINGS: [&str; 5] = [".local", ".lan", ".localdomain", ".internal", ".home.arpa"];
    match literal(host) {
        Some(IpAddr::V4(v4)) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || shared
        }
        Some(IpAddr::V6(v6)) => v6.is_unique_local() || v6.is_loopback(),
        None => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            !name.contains('.') || host_is_loopback(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending))
        }
    }
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
    fn what_looks_as_if_it_stood_in_the_site() {
        for local in [
            "10.1.2.3",
            "192.168.0.9",
            "172.31.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "[fd00::1]",
            "[::1]",
            "mail",
            "MAIL.LAN.",
            "x.local",
            "localhost",
        ] {
            assert!(looks_local(local), "{local}");
        }
        for outside in [
            "mail.example",
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "[2001:db8::1]",
            "hooks.slack.com.",
        ] {
            assert!(!looks_local(outside), "{outside}");
        }
    }

    #[test]
    fn plain_http_elsewhere_is_a_warning() {
        assert_eq!(severities("http://10.0.0.5/x", false), [Severity::Warning]);
        assert_eq!(severities("https://10.0.0.5/x", false), []);
    }
}
