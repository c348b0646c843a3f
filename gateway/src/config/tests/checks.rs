//! What channels are held against beside their limits, and groups that are not as many as they look.

use super::{GOOD, check, config};
use crate::config::Severity;

/// The good file and these lines behind it.
fn and(lines: &str) -> String {
    format!("{GOOD}{lines}")
}

fn says(text: &str, severity: Severity, what: &str) {
    let findings = check(text);
    let found = findings.iter().any(|f| f.severity == severity && f.what.contains(what));
    assert!(found, "no {severity:?} with {what:?} in {findings:#?}");
}

#[test]
fn a_site_file_needs_none_of_them() {
    let config = config(GOOD);
    let temperature = config
        .site
        .channels
        .iter()
        .find(|c| c.id == "node-1.temperature")
        .unwrap();
    let micro = |n: Option<std::num::NonZeroU64>| n.map(std::num::NonZeroU64::get);
    let checks = temperature.checks;
    assert_eq!(
        (micro(checks.jump), micro(checks.rise), micro(checks.trend)),
        (Some(30_000_000), Some(10_000_000), Some(9_000_000))
    );
    assert_eq!((micro(checks.stuck_ms), checks.off_ms), (Some(86_400_000), 60_000));
    let over: Vec<_> = config.site.sources.iter().map(|s| s.over.clone()).collect();
    assert_eq!(over, [vec!["mqtt".to_owned()], vec!["bus-10-0-0-7".to_owned()]]);
}

#[test]
fn a_channel_says_its_own_or_none() {
    let channel = |lines: &str| {
        and(&format!(
            "[[channel]]\nsource = \"node-1\"\nsignal = \"temperature\"\n{lines}\n"
        ))
    };
    let of = |lines: &str| {
        let config = config(&channel(lines));
        config
            .site
            .channels
            .iter()
            .find(|c| c.id == "node-1.temperature")
            .unwrap()
            .checks
    };
    let none = of("max_rate = false\nrise = false\ntrend = false\nstuck_s = false\noff_delay_s = false");
    assert_eq!(none, muster_core::Checks::default());
    let own = of("max_rate = 2.5\nrise = 4\ntrend = 3\nstuck_s = 60\noff_delay_s = 5");
    assert_eq!(own.jump.unwrap().get(), 2_500_000);
    assert_eq!((own.stuck_ms.unwrap().get(), own.off_ms), (60_000, 5_000));
    assert!(of("alarm = false").rise.is_none() && of("watch = false").trend.is_none());
    says(&channel("rise = 0"), Severity::Error, "0 is no rate");
    says(
        &channel("rise = 4\nalarm = false"),
        Severity::Error,
        "`rise` without an alarm above",
    );
    says(
        &channel("below = true\nalarm = 5\ntrend = 4"),
        Severity::Error,
        "`trend` without a watch above",
    );
}

#[test]
fn what_a_channel_leans_on_is_outside_or_its_own() {
    let outside = "[[zone]]\nid = \"yard\"\nadjacent = [\"room\"]\n[[source]]\nid = \"node-2\"\nkind = \"node\"\nzone = \"yard\"\n\
                   signals = [\"smoke\", \"temperature\", \"contact\"]\n";
    let channel = |lines: &str| {
        and(&format!(
            "{outside}[[channel]]\nsource = \"node-1\"\nsignal = \"smoke\"\n{lines}\n"
        ))
    };
    let good = config(&channel(
        "reference = \"node-2.smoke\"\ninhibited_by = \"node-2.contact\"",
    ));
    let ix = |id: &str| good.site.channels.iter().position(|c| c.id == id).unwrap();
    let checks = good.site.channels[ix("node-1.smoke")].checks;
    assert_eq!(checks.reference.unwrap().at(), ix("node-2.smoke"));
    assert_eq!(checks.inhibited_by.unwrap().at(), ix("node-2.contact"));
    for (lines, what) in [
        ("reference = \"node-2.smok\"", "no channel `node-2.smok`"),
        ("reference = \"node-2.temperature\"", "measures temperature"),
        ("reference = \"node-1.smoke\"", "in its own room"),
        ("inhibited_by = \"panel.in1\"", "of another group would silence"),
        ("inhibited_by = \"node-2.smoke\"", "cannot inhibit"),
    ] {
        says(&channel(lines), Severity::Error, what);
    }
}

#[test]
fn two_groups_on_one_supply_or_with_one_credential_are_one() {
    let text = GOOD
        .replacen("kind = \"node\"\n", "kind = \"node\"\nsupply = \"ups-a\"\n", 1)
        .replacen("kind = \"modbus\"\n", "kind = \"modbus\"\nsupply = \"ups-a\"\n", 1);
    says(
        &text,
        Severity::Error,
        "`panel` and `node-1` share the supply `ups-a`, but are the groups",
    );
    let apart = text.replacen("supply = \"ups-a\"\n", "supply = \"ups-b\"\n", 1);
    assert!(check(&apart).iter().all(|f| f.severity != Severity::Error));
}

#[test]
fn a_room_of_one_maker_is_warned_of() {
    let tls = GOOD.replacen("insecure = true", "ca = \"a\"\ncert = \"b\"\nkey = \"c\"", 1);
    let node = |n: u8| format!("[[source]]\nid = \"n-{n}\"\nkind = \"node\"\nzone = \"hall\"\nsignals = [\"smoke\"]\n");
    let two = format!("{tls}[[zone]]\nid = \"hall\"\n{}{}", node(8), node(9));
    says(
        &two,
        Severity::Warning,
        "all 2 groups in zone `hall` are nodes with one firmware",
    );
    let maker = |f: &crate::config::Finding| f.what.contains("one firmware") || f.what.contains("one maker");
    assert!(!check(GOOD).iter().any(maker), "a node and a panel");
}
