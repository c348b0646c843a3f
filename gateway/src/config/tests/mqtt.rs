//! `[mqtt]`: our broker or somebody else's, plain or proven.

use std::os::unix::fs::PermissionsExt as _;

use super::{GOOD, all, config, only};
use crate::certs::issue::Folder;
use crate::clock;
use crate::config::{Config, Finding, MqttWay, Severity, parse};

/// The good file with these lines in its [mqtt].
fn mqtt(lines: &str) -> Vec<String> {
    all(&[("insecure = true", lines)])
}

#[test]
fn plain_mqtt_has_to_be_accepted() {
    only(&mqtt(""), "error", "[mqtt] is plain");
    only(&mqtt("listen = \"127.0.0.1:1883\""), "error", "[mqtt] is plain");
    only(&mqtt("connect = \"mqtt://broker.example\""), "error", "[mqtt] is plain");
    assert_eq!(
        mqtt("insecure = true\nconnect = \"mqtt://broker.example\""),
        Vec::<String>::new()
    );
    only(
        &mqtt("insecure = true\nconnect = \"mqtts://broker.example\""),
        "warning",
        "`insecure = true` means nothing here",
    );
    only(
        &all(&[("[mqtt]\ninsecure = true\n", "")]),
        "error",
        "there are nodes, but the file has no [mqtt]",
    );
}

#[test]
fn one_broker_is_enough() {
    for (lines, says) in [
        ("listen = \"127.0.0.1:1883\"", "`listen` and `connect` in one [mqtt]"),
        ("max_clients = 3", "`max_clients` and `connect` in one [mqtt]"),
        (
            "username = \"muster\"",
            "[mqtt] has one of `username` and `password_file` only",
        ),
        ("client_id = \"a b\"", "`a b` is not an id"),
    ] {
        only(
            &mqtt(&format!("connect = \"mqtts://broker.example\"\n{lines}")),
            "error",
            says,
        );
    }
    only(
        &mqtt("insecure = true\nclient_id = \"x\""),
        "error",
        "`client_id` means nothing without `connect`",
    );
}

#[test]
fn a_broker_is_a_scheme_a_host_and_a_port() {
    for bad in [
        "x",
        "http://a",
        "mqtts://",
        "mqtts://u:p@a",
        "mqtts://a/b",
        "mqtts://a:0",
        "mqtts://a?b",
    ] {
        let found = mqtt(&format!("connect = \"{bad}\""));
        assert!(found[0].contains("is not a broker to connect to"), "{bad}: {found:#?}");
    }
    let way = |url: &str| {
        config(&GOOD.replacen("insecure = true", &format!("connect = \"{url}\""), 1))
            .mqtt
            .way
    };
    for (url, host, port) in [
        ("mqtts://broker.example", "broker.example", 8883),
        ("mqtts://10.0.0.1:8884", "10.0.0.1", 8884),
        ("mqtts://[fe80::1]", "fe80::1", 8883),
    ] {
        let MqttWay::Connect(to) = way(url) else {
            panic!("{url}")
        };
        assert_eq!((&*to.host, to.port, to.tls), (host, port, true));
    }
}

const TLS: &str = "ca = \"gateway/node-ca.pem\"\ncert = \"gateway/gateway.pem\"\nkey = \"gateway/gateway.key\"";

type Parsed = Result<(Config, Vec<Finding>), Vec<Finding>>;

/// The certificates of a site, the gateway's good for so many days, and the good file with these lines in its [mqtt].
fn enrolled(days: i64, lines: &str) -> (tempfile::TempDir, Parsed) {
    let folder = tempfile::tempdir().unwrap();
    let (site, _) = Folder::init(folder.path(), "site-1", clock::wall_now_ms() / 1_000).unwrap();
    site.gateway(&["localhost".into()], days, false).unwrap();
    site.node("node-1", None, 100, false).unwrap();
    let text = GOOD.replacen("insecure = true", lines, 1);
    let parsed = parse(&text, &folder.path().join("site.toml"));
    (folder, parsed)
}

fn one(found: &[Finding], severity: Severity, says: &str) {
    let all: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(
        found.len() == 1 && found[0].severity == severity && all[0].contains(says),
        "{says}: {all:#?}"
    );
}

#[test]
fn a_node_that_proves_its_name_is_a_group_of_its_own() {
    let (_folder, parsed) = enrolled(700, TLS);
    let (config, findings) = parsed.unwrap();
    assert!(findings.is_empty(), "{findings:#?}");
    let groups: Vec<_> = config.site.groups.iter().map(|g| g.id.as_str()).collect();
    assert_eq!(groups, ["node-1", "bus-10-0-0-7"]);
    assert_eq!(config.mqtt.listen(), "127.0.0.1:8883".parse().ok());
    assert!(config.insecure().is_empty());
    let half = TLS.split_once("\nkey").unwrap().0;
    assert!(enrolled(700, half).1.is_err());
    assert!(
        enrolled(700, "insecure = true\ncrl = \"gateway/node-crl.pem\"")
            .1
            .is_err()
    );
    let gone = mqtt(TLS);
    assert!(
        gone.len() == 3 && gone.iter().all(|f| f.contains("cannot be read")),
        "{gone:#?}"
    );
}

#[test]
fn files_that_cannot_serve_are_named() {
    for (from, to, says) in [
        ("gateway/node-ca.pem", "gateway/gateway.key", "`ca` "),
        ("gateway/node-ca.pem", "nodes/node-1/node.pem", "it is no CA"),
        (
            "gateway/gateway.pem",
            "gateway/gateway.key",
            "holds no certificate in PEM",
        ),
        (
            "gateway/gateway.pem",
            "nodes/node-1/node.pem",
            "it may not act as a server",
        ),
        ("gateway/gateway.pem", "site-ca.pem", "is a CA's, not the gateway's own"),
        (
            "gateway/gateway.key",
            "gateway/gateway.pem",
            "holds no private key in PEM",
        ),
        (
            "gateway/gateway.key",
            "nodes/node-1/node.key",
            "it does not belong to the certificate",
        ),
    ] {
        let (_folder, parsed) = enrolled(700, &TLS.replace(from, to));
        one(&parsed.unwrap_err(), Severity::Error, says);
    }
    let (_folder, parsed) = enrolled(700, &format!("{TLS}\ncrl = \"node-ca.pem\""));
    one(&parsed.unwrap_err(), Severity::Error, "holds no revocation list in PEM");
}

#[test]
fn what_will_not_serve_for_long_is_a_warning() {
    let warned = |days, lines: &str, says| one(&enrolled(days, lines).1.unwrap().1, Severity::Warning, says);
    warned(20, TLS, "the certificate of \"localhost\" expires in ");
    warned(-3, TLS, "has expired 3 days ago");
    warned(
        700,
        &TLS.replace("gateway/node-ca", "site-ca"),
        "one CA signs the gateway and the nodes",
    );
    let (folder, _) = enrolled(700, TLS);
    let key = folder.path().join("gateway/gateway.key");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let text = GOOD.replacen("insecure = true", TLS, 1);
    let (_, found) = parse(&text, &folder.path().join("site.toml")).unwrap();
    one(&found, Severity::Warning, "can be read by anybody");
}
