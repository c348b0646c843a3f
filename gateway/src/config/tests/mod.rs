//! Whole files: good ones, bad ones, and ones made to hurt.

use std::path::{Path, PathBuf};

use crate::config::{Config, Finding, HookWay, Severity, load, parse};
use muster_core::{Limit, RungKind};
use muster_wire::{Micro, Quantity};

mod buses;
mod checks;
mod feeds;
mod hearing;
mod hooks;
mod hostile;
mod mqtt;
mod notify;
mod nut;
mod rules;
mod secrets;
mod sensors;
mod snmp;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn example(name: &str) -> (Config, Vec<Finding>) {
    load(&examples().join(name)).unwrap_or_else(|f| panic_with(&f))
}

fn panic_with(findings: &[Finding]) -> ! {
    let all: Vec<_> = findings.iter().map(ToString::to_string).collect();
    unreachable!("{}", all.join("\n"))
}

/// A small good file; tests change one line of it.
const GOOD: &str = r#"[site]
id = "here"
[[zone]]
id = "room"
[[source]]
id = "node-1"
kind = "node"
zone = "room"
signals = ["temperature", "smoke"]
[[source]]
id = "panel"
kind = "modbus"
address = "10.0.0.7:502"
profile = "generic/dry-contacts"
[[channel]]
source = "panel"
signal = "in1"
quantity = "fire_alarm"
zone = "room"
[[hook]]
id = "mover"
kind = "webhook"
url = "https://mover.example/"
secret = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4"
[http]
public_url = "https://muster.example"
[[workload]]
id = "db"
tier = 1
runs_on = "r1"
rung = [{ kind = "stop", hook = "mover", needs_s = 20 }]
[[principal]]
id = "anna"
roles = ["operator", "safety"]
token_hash = "sha256:00000000000000000000000000000000000000000000000000000000000000aa"
[[principal]]
id = "ben"
roles = ["operator", "safety"]
token_hash = "sha256:00000000000000000000000000000000000000000000000000000000000000bb"
[mqtt]
insecure = true
"#;

fn check(text: &str) -> Vec<Finding> {
    match parse(text, Path::new("site.toml")) {
        Ok((_, warnings)) => warnings,
        Err(findings) => findings,
    }
}

/// `line severity what` of each finding.
fn brief(findings: &[Finding]) -> Vec<String> {
    let severity = |f: &Finding| {
        if f.severity == Severity::Error {
            "error"
        } else {
            "warning"
        }
    };
    findings
        .iter()
        .map(|f| format!("{} {} {}", f.line, severity(f), f.what))
        .collect()
}

/// The one finding after a change of the good file.
#[track_caller]
fn one(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    let found = brief(&check(&GOOD.replacen(from, to, 1)));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().unwrap_or_default()
}

/// The findings after several changes.
#[track_caller]
fn all(changes: &[(&str, &str)]) -> Vec<String> {
    let change = |text: String, (from, to): &(&str, &str)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    brief(&check(&changes.iter().fold(GOOD.to_owned(), change)))
}

/// The good file with a table at its end.
fn with(more: &str) -> Vec<String> {
    brief(&check(&format!("{GOOD}{more}")))
}

/// One finding whose text begins so, at whatever line.
#[track_caller]
fn only(found: &[String], severity: &str, start: &str) {
    let fits = |f: &String| {
        f.split_once(' ')
            .is_some_and(|(_, rest)| rest.starts_with(&format!("{severity} {start}")))
    };
    assert!(found.len() == 1 && found.iter().all(fits), "{start}: {found:#?}");
}

/// A `[[channel]]` for the node's temperature with these lines.
fn limits(lines: &str) -> Vec<String> {
    with(&format!(
        "[[channel]]\nsource = \"node-1\"\nsignal = \"temperature\"\n{lines}\n"
    ))
}

fn config(text: &str) -> Config {
    parse(text, Path::new("conf/site.toml"))
        .unwrap_or_else(|f| panic_with(&f))
        .0
}

#[test]
fn the_small_file_is_good() {
    assert_eq!(brief(&check(GOOD)), Vec::<String>::new());
}

#[test]
fn examples_run_and_say_what_has_to_be_changed() {
    for (name, warnings) in [
        ("pangyo-recommended.toml", 0),
        ("pangyo-as-built.toml", 0),
        ("single-room.toml", 4),
        ("other-sensors.toml", 3),
        ("ups-behind-nut.toml", 3),
        ("contact-module.toml", 3),
        ("lxd.toml", 3),
    ] {
        let (_, findings) = example(name);
        assert_eq!(findings.len(), warnings, "{name}: {:#?}", brief(&findings));
        assert!(
            findings
                .iter()
                .all(|f| ["published", "report progress", "through this machine alone"]
                    .iter()
                    .any(|words| f.what.contains(words))),
            "{:#?}",
            brief(&findings)
        );
    }
}

#[test]
fn what_readiness_needs_is_read_and_what_it_names_is_looked_up() {
    let (config, _) = example("ready.toml");
    let bridges = &config.bridges;
    assert_eq!(
        (config.site.destinations.len(), bridges.tools.len(), config.drills.len()),
        (2, 2, 1)
    );
    let registry = &config.site.workloads[0];
    assert_eq!((registry.id.as_str(), registry.room), ("registry", 4));
    assert_eq!(config.site.power.hosts[0].last_ms, 120_000);
    let text = std::fs::read_to_string(examples().join("ready.toml")).unwrap();
    for (from, to, what) in [
        ("workload = \"registry\"", "workload = \"registri\"", "registri"),
        ("kind = \"registry\"", "kind = \"images\"", "cannot be `images`"),
        ("at = [\"lyon-2\", \"paris-1\"]", "", "a tool is either a `workload`"),
        ("Mon-Fri 08:00-18:00", "Mon-Fri", ""),
        ("Mon-Fri 08:00-18:00", "office hours", "no time of a calendar"),
        ("rack = \"r01\"", "rack = \"r77\"", "nothing stands in `r77`"),
        ("name = \"r01\"", "name = \"r 01\"", "no name of a UPS"),
        (
            "listen = \"127.0.0.1:3493\"",
            "listen = \"0.0.0.0:3494\"",
            "is the address at which `ups-a` is polled",
        ),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from}");
        let errors = match parse(&changed, &examples().join("ready.toml")) {
            Ok(_) => Vec::new(),
            Err(findings) => findings.into_iter().filter(|f| f.severity == Severity::Error).collect(),
        };
        assert_eq!(errors.is_empty(), what.is_empty(), "{to}: {:?}", brief(&errors));
        assert!(
            what.is_empty() || errors[0].what.contains(what),
            "{to}: {:?}",
            brief(&errors)
        );
    }
}

#[test]
fn the_two_rooms_differ_in_what_hears_and_not_in_what_is_saved() {
    let ((built, _), (recommended, _)) = (example("pangyo-as-built.toml"), example("pangyo-recommended.toml"));
    let groups = |c: &Config| c.site.groups.iter().map(|g| g.id.clone()).collect::<Vec<_>>();
    assert_eq!(groups(&built), ["bus-panel", "bus-power"]);
    assert_eq!(groups(&recommended), ["mqtt", "bus-panel", "bus-bms", "bus-power"]);
    assert_eq!(built.site.workloads, recommended.site.workloads);
    assert_eq!(built.site.workloads.len(), 12);
    assert_eq!((built.nodes.len(), recommended.nodes.len()), (0, 3));
    assert_eq!(recommended.nodes["node-2"].channels.len(), 4);
}

#[test]
fn a_panel_contact_is_made_a_fire_alarm_of_the_battery_room() {
    let (config, _) = example("pangyo-recommended.toml");
    let panel = config.polled.iter().find(|m| m.id == "fire-panel").unwrap();
    assert_eq!(panel.channels.keys().collect::<Vec<_>>(), ["in1", "in2"]);
    let channel = &config.site.channels[panel.channels["in1"].at()];
    assert_eq!(
        (channel.id.as_str(), channel.quantity),
        ("fire-panel.fire_alarm", Quantity::FireAlarm)
    );
    let one = Micro(1_000_000);
    assert_eq!(
        channel.alarm,
        Some(Limit {
            set: one,
            clear: one,
            above: true
        })
    );
    assert_eq!(config.site.zones[channel.zone.at()].id, "battery-room");
    assert_eq!(
        config.site.zones[0].adjacent,
        [muster_core::ZoneIx(1)],
        "adjacency goes both ways"
    );
}

#[test]
fn defaults_fill_what_is_left_out() {
    let config = config(GOOD);
    assert_eq!(config.store.path, Path::new("conf/muster.db"));
    assert_eq!(config.store.keep_ms, 1_095 * 86_400_000);
    assert_eq!(config.mqtt.listen(), "127.0.0.1:1883".parse().ok());
    assert_eq!(
        (config.mqtt.max_clients, config.http.listen),
        (200, "127.0.0.1:8620".parse().unwrap())
    );
    assert_eq!(
        (config.site.armed, config.site.simulated, config.site.single_group),
        (false, false, false)
    );
    assert_eq!(config.site.priors, muster_core::Priors::default());
    let channel = config
        .site
        .channels
        .iter()
        .find(|c| c.id == "node-1.temperature")
        .unwrap();
    assert_eq!((channel.k, channel.n, channel.supervision_ms), (2, 3, 15_000));
    assert_eq!(
        channel.alarm.map(|l| (l.set.0, l.clear.0)),
        Some((60_000_000, 55_000_000))
    );
    assert_eq!(config.site.workloads[0].rungs[0].kind, RungKind::Stop);
    let HookWay::Webhook(hook) = &config.hooks[0].way else {
        panic!("{:?}", config.hooks[0])
    };
    assert_eq!(hook.secret.0, b"abcdefghijklmnopqrstuvwx");
    assert_eq!((format!("{:?}", hook.secret).as_str(), &hook.ca), ("Secret(…)", &None));
    assert_eq!(config.token_hashes[1][31], 0xbb);
}

#[test]
fn ten_faults_are_named_at_once_each_at_its_line() {
    let text = include_str!("ten-faults.toml");
    let findings = parse(text, Path::new("ten-faults.toml")).unwrap_err();
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(lines.join("\n"), include_str!("ten-faults.txt").trim_end());
    // The file marks every line that is wrong.
    let marked = text
        .lines()
        .enumerate()
        .filter(|(_, l)| l.contains("# fault"))
        .map(|(i, _)| i + 1);
    assert_eq!(
        findings.iter().map(|f| f.line).collect::<Vec<_>>(),
        marked.collect::<Vec<_>>()
    );
}
