//! `[[hook]]` of the kind `mqtt`: a topic at a broker, which need not be the one that nodes speak to.

use std::path::Path;

use super::faults::{At, quoted};
use super::hook::Reached;
use super::mqtt::{self, Files};
use super::table::Table;
use super::{Connect, HookWay, MqttTarget, hook_url, secret};

/// Bytes a topic may have; a step's key is added to it.
const TOPIC_BYTES: usize = 256;

/// Reads and checks it; none where there is no broker.
pub(super) fn read(table: &Table<'_>, folder: &Path, simulated: bool) -> Option<Reached> {
    let allow_loopback = table.flag("allow_loopback", false);
    let url = table.need_text("url", "the broker, such as \"mqtts://broker.example:8883\"");
    let topic = table.need_text("topic", "where steps are published, such as \"evacuate/db\"");
    if topic.at != table.at {
        check_topic(table, &topic);
    }
    let files = Files::read(table, folder);
    let secret = secret::read(table, folder, simulated);
    let identity = files.identity(table);
    let login = mqtt::login(table, folder);
    // A URL that is missing has been reported.
    let (host, port, tls) = mqtt::broker(table, &url).filter(|_| url.at != table.at)?;
    check_way(table, &url, (&host, tls), &files, allow_loopback);
    Some(Reached {
        place: url.at,
        elsewhere: false,
        way: HookWay::Mqtt(Box::new(MqttTarget {
            broker: Connect {
                host,
                port,
                tls,
                ca: files.ca,
                identity,
                client_id: None,
                login,
            },
            topic: topic.value,
            secret,
            allow_loopback,
        })),
    })
}

fn check_topic(table: &Table<'_>, topic: &At<String>) {
    let text = &topic.value;
    let good = !text.is_empty()
        && text.len() <= TOPIC_BYTES
        && !text.starts_with(['$', '/'])
        && !text.ends_with('/')
        && !text.contains(['+', '#'])
        && !text.chars().any(char::is_control);
    if !good {
        let what = format!("{} is not a topic to publish to", quoted(text));
        let hint = "words with `/` between them, at most 256 bytes, without `+` and `#`, and not beginning with `$`";
        table.faults.error(topic.at, what, hint);
    }
}

fn check_way(table: &Table<'_>, url: &At<String>, (host, tls): (&str, bool), files: &Files, allow_loopback: bool) {
    let faults = table.faults;
    let elsewhere = hook_url::check_host("hook", &At::new(host, url.at), allow_loopback, faults);
    if tls && files.ca.is_none() {
        let hint = "`ca`: a PEM file with the CA of the broker's certificate; the system's are in \
                    /etc/ssl/certs/ca-certificates.crt";
        faults.error(
            url.at,
            "the broker is reached by TLS, but no `ca` says whom to believe",
            hint,
        );
    }
    if !tls && files.ca.is_some() {
        faults.error(url.at, "certificates, but `url` is mqtt://", "write mqtts://");
    }
    if !tls && elsewhere {
        let what = format!("steps go to {} unencrypted", quoted(host));
        let hint = "write mqtts://: anybody on the way reads which workloads move, and can keep steps from arriving";
        faults.warning(url.at, what, hint);
    }
}
