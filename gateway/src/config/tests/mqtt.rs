//! `[mqtt]`: our broker or somebody else's, plain or proven.

use super::{GOOD, all, config, only};
use crate::config::{MqttWay, parse};

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

#[test]
fn a_node_that_proves_its_name_is_a_group_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["ca", "cert", "key"] {
        std::fs::write(folder.path().join(file), "").unwrap();
    }
    let tls = "ca = \"ca\"\ncert = \"cert\"\nkey = \"key\"";
    let text = GOOD.replacen("insecure = true", tls, 1);
    let (config, findings) = parse(&text, &folder.path().join("site.toml")).unwrap();
    assert!(findings.is_empty(), "{findings:#?}");
    let groups: Vec<_> = config.site.groups.iter().map(|g| g.id.as_str()).collect();
    assert_eq!(groups, ["node-1", "bus-10-0-0-7"]);
    assert_eq!(config.mqtt.listen(), "127.0.0.1:8883".parse().ok());
    let half = GOOD.replacen("insecure = true", "ca = \"ca\"\ncert = \"cert\"", 1);
    assert!(parse(&half, &folder.path().join("site.toml")).is_err());
    let gone = mqtt(tls);
    assert!(
        gone.len() == 3 && gone.iter().all(|f| f.contains("cannot be read")),
        "{gone:#?}"
    );
}
