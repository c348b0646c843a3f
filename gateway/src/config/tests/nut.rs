//! A UPS behind upsd, as a source.

use muster_wire::Quantity;

use super::{GOOD, brief, check, config, only, with};
use crate::config::{Config, NutWay, PollWay};

/// A UPS in the room, with these lines in the place of its address and name.
fn ups(lines: &str) -> String {
    format!(
        "[[source]]\nid = \"ups\"\nkind = \"nut\"\nzone = \"room\"\nsignals = [\"on_battery\", \"charge\"]\n{lines}\n"
    )
}

const HERE: &str = "address = \"localhost:3493\"\nups = \"rack-1\"";

fn way(config: &Config) -> &NutWay {
    let found = config.polled.iter().find(|p| p.id == "ups").unwrap();
    let PollWay::Nut(way) = &found.way else {
        unreachable!("{found:?}")
    };
    way
}

#[test]
fn a_ups_needs_an_upsd_and_a_name_there() {
    let config = config(&format!("{GOOD}{}", ups(HERE)));
    let way = way(&config);
    assert_eq!((way.ups.as_str(), &way.ca), ("rack-1", &None));
    assert_eq!(way.profile.head.name(), "nut/ups", "the one for all");
    let channel = config.site.channels.iter().find(|c| c.id == "ups.on_battery").unwrap();
    assert_eq!(channel.quantity, Quantity::OnBattery);
    assert_eq!(
        channel.watch.map(|l| (l.set.0, l.above)),
        Some((1_000_000, true)),
        "prepare by itself"
    );
    assert_eq!(channel.alarm, None, "on battery is no fire");
    for (lines, what) in [
        ("ups = \"rack-1\"", "`address` is missing in [[source]]"),
        ("address = \"localhost:3493\"", "`ups` is missing in [[source]]"),
        ("address = \"localhost\"\nups = \"a\"", "`localhost` is not an address"),
        (
            "address = \"localhost:3493\"\nups = \"a b\"",
            "`a b` is no name of a UPS",
        ),
        (
            "address = \"localhost:3493\"\nups = \"a\\nLOGIN b\"",
            "`a\\nLOGIN b` is no name of a UPS",
        ),
        ("address = \"localhost:3493\"\nups = \"\"", "`` is no name of a UPS"),
    ] {
        only(&with(&ups(lines)), "error", what);
    }
}

#[test]
fn keys_and_profiles_of_other_kinds_are_refused_with_a_hint() {
    for (line, what) in [
        ("unit = 3", "`unit` means nothing for a UPS behind upsd"),
        ("topic = \"x\"", "`topic` means nothing for a UPS behind upsd"),
        (
            "profile = \"apc/smart-ups\"",
            "the device profile `apc/smart-ups` is for kind `modbus`",
        ),
        (
            "poll_ms = 100",
            "polling every 100 ms is more often than the device bears",
        ),
    ] {
        only(&with(&ups(&format!("{HERE}\n{line}"))), "error", what);
    }
    let node = GOOD.replacen("kind = \"node\"", "kind = \"node\"\nups = \"x\"", 1);
    assert_eq!(brief(&check(&node)), ["8 error `ups` means nothing for a node"]);
}

#[test]
fn what_is_read_in_plain_over_a_network_is_warned_of() {
    let far = "address = \"10.0.4.5:3493\"\nups = \"rack-1\"";
    only(
        &with(&ups(far)),
        "warning",
        "what upsd at `10.0.4.5:3493` says is neither encrypted nor proven",
    );
    let found = check(&format!("{GOOD}{}", ups(far)));
    assert!(found[0].hint.contains("`ca`"), "{}", found[0].hint);
    assert_eq!(
        with(&ups(HERE)),
        Vec::<String>::new(),
        "on this machine nobody is on the way"
    );
}

#[test]
fn a_ca_is_a_file_of_certificates() {
    let far = "address = \"10.0.4.5:3493\"\nups = \"rack-1\"";
    let with_ca = |ca: &str| with(&ups(&format!("{far}\nca = \"{ca}\"")));
    only(&with_ca("no-such.pem"), "error", "`ca` `no-such.pem` cannot be read");
    let folder = tempfile::tempdir().unwrap();
    let (empty, good) = (folder.path().join("empty.pem"), folder.path().join("ca.pem"));
    std::fs::write(&empty, "nothing").unwrap();
    std::fs::write(&good, "-----BEGIN CERTIFICATE-----\n").unwrap();
    let shown = empty.display().to_string();
    let found = with_ca(&shown);
    assert!(
        found.len() == 1 && found[0].ends_with("holds no certificate"),
        "{found:?}"
    );
    let text = format!("{GOOD}{}", ups(&format!("{far}\nca = {good:?}")));
    assert_eq!(
        way(&config(&text)).ca.as_deref(),
        Some(good.as_path()),
        "and no warning"
    );
    assert_eq!(brief(&check(&text)), Vec::<String>::new());
}

#[test]
fn hosts_that_cannot_log_in_are_warned_of() {
    let face = "[nut]\nlisten = \"127.0.0.1:0\"\n[[nut.ups]]\nname = \"rack-1\"\n";
    only(&with(face), "warning", "there is no [[nut.user]]");
}
