//! `[[feed]]`: graphs that hold, and every way in which one does not.

use super::*;

/// Two UPSes of two buses, a hall and the rack of the good file on both.
const SIDES: &str = r#"
[[zone]]
id = "hall"
[[source]]
id = "ups-a"
kind = "nut"
address = "10.0.0.8:3493"
segment = "a"
ups = "a"
zone = "room"
signals = ["on_battery", "charge"]
[[source]]
id = "ups-b"
kind = "nut"
address = "10.0.0.9:3493"
segment = "b"
ups = "b"
zone = "room"
signals = ["on_battery", "charge"]
[[feed]]
utility = "grid"
[[feed]]
ups = "ups-a"
by = ["grid"]
zone = "room"
runtime_s = 900
[[feed]]
ups = "ups-b"
by = ["grid"]
zone = "room"
runtime_s = 900
[[feed]]
rack = "r1"
by = ["ups-a", "ups-b"]
zone = "hall"
"#;

fn sides(from: &str, to: &str) -> Vec<String> {
    assert!(SIDES.contains(from), "{from}");
    let found = brief(&check(&format!("{GOOD}{}", SIDES.replacen(from, to, 1))));
    found.into_iter().filter(|f| is_of_feeds(f)).collect()
}

/// The hall has no detector, and NUT no TLS: that is other tests'.
fn is_of_feeds(finding: &str) -> bool {
    !finding.contains("zone `hall`") && !finding.contains("what upsd at")
}

#[track_caller]
fn names(from: &str, to: &str, severity: &str, start: &str) {
    only(&sides(from, to), severity, start);
}

#[test]
fn two_sides_are_well() {
    assert_eq!(sides("rack", "rack"), Vec::<String>::new());
}

#[test]
fn a_source_needs_no_table() {
    let text = format!("{GOOD}{}", SIDES.replace("rack = \"r1\"", "rack = \"r1\" # both"));
    let start = text.find("[[feed]]").unwrap_or_default();
    let bare = format!(
        "{}[[feed]]\nrack = \"r1\"\nby = [\"ups-a\", \"ups-b\"]\nzone = \"hall\"\n",
        &text[..start]
    );
    let text = bare.replace("[site]\n", "[site]\non_battery = \"evacuate\"\n");
    let (config, _) = parse(&text, Path::new("site.toml")).unwrap_or_else(|f| panic_with(&f));
    let power = &config.site.power;
    assert_eq!(power.feeds.len(), 3);
    assert!(
        power
            .feeds
            .iter()
            .enumerate()
            .all(|(ix, f)| f.by.iter().all(|by| by.at() < ix))
    );
    assert_eq!(power.battery_rooms.len(), 1, "where the UPSes stand");
}

#[test]
fn what_feeds_it_exists_and_is_no_circle() {
    names(
        "by = [\"ups-a\", \"ups-b\"]",
        "by = [\"ups-a\", \"ups-c\"]",
        "error",
        "`r1` is fed by `ups-c`, which",
    );
    let circle = SIDES.replacen(
        "utility = \"grid\"",
        "ats = \"grid\"\nby = [\"ups-a\"]\nzone = \"hall\"",
        1,
    );
    let found = brief(&check(&format!("{GOOD}{circle}")));
    assert!(
        found
            .iter()
            .any(|f| f.contains("feeds feed each other: `grid` by `ups-a` by `grid`")),
        "{found:#?}"
    );
}

#[test]
fn a_table_is_one_thing() {
    for (to, what) in [
        ("zone = \"hall\"", "does not say what it is"),
        ("utility = \"grid\"\nats = \"grid\"", "is several things at once"),
    ] {
        let found = sides("utility = \"grid\"", to);
        assert!(
            found.iter().any(|f| f.contains(&format!("error this [[feed]] {what}"))),
            "{found:#?}"
        );
    }
}

#[test]
fn a_rack_has_a_feed_and_no_more_needs_than_feeds() {
    let nothing = sides("by = [\"ups-a\", \"ups-b\"]", "");
    assert!(
        nothing.iter().any(|f| f.contains("error nothing feeds rack `r1`")),
        "{nothing:#?}"
    );
    let needs = "by = [\"ups-a\", \"ups-b\"]\nneeds = 3";
    names(
        "by = [\"ups-a\", \"ups-b\"]",
        needs,
        "error",
        "needs 3 of 2 that feed it",
    );
}

#[test]
fn what_feeds_it_is_named_once() {
    names(
        "by = [\"ups-a\", \"ups-b\"]",
        "by = [\"ups-a\", \"ups-a\", \"ups-b\"]",
        "error",
        "`ups-a` feeds rack `r1` twice",
    );
}

#[test]
fn a_misspelt_place_is_found_where_no_zone_is_given() {
    for named in ["crosses = [\"hal\"]", "battery = \"hal\""] {
        let found = sides("zone = \"room\"\nruntime_s", &format!("{named}\nruntime_s"));
        let error = |f: &String| f.contains("error there is no zone `hal`");
        assert!(found.iter().any(error), "{named}: {found:#?}");
    }
}

#[test]
fn places_and_contacts_are_known() {
    let hall = "zone = \"hall\"\n";
    assert!(SIDES.ends_with(hall));
    let text = format!("{GOOD}{}", SIDES.trim_end_matches(hall));
    let found: Vec<String> = brief(&check(&text)).into_iter().filter(|f| is_of_feeds(f)).collect();
    only(&found, "warning", "rack `r1` stands in no zone");
    names(
        "zone = \"room\"\nruntime_s",
        "zone = \"rom\"\nruntime_s",
        "error",
        "there is no zone `rom`",
    );
    names(
        "utility = \"grid\"",
        "utility = \"grid\"\noff = \"panel.in9\"",
        "error",
        "there is no channel `panel.in9`",
    );
    names(
        "utility = \"grid\"",
        "utility = \"grid\"\noff = \"ups-a.charge\"",
        "error",
        "`ups-a.charge` is no contact",
    );
    names(
        "utility = \"grid\"",
        "utility = \"grid\"\nruntime_s = 9",
        "error",
        "`runtime_s` of a utility",
    );
}

#[test]
fn a_workload_stands_on_a_rack() {
    let found = sides("rack = \"r1\"", "rack = \"r2\"");
    only(&found, "warning", "`db` runs on `r1`, which no [[feed]] names");
}

#[test]
fn a_battery_that_ends_before_the_plan_wants_a_decision() {
    // 100 s: four fifths are 80, and grace, plan and a minute are 140.
    let short = "runtime_s = 100";
    names(
        "runtime_s = 900",
        short,
        "error",
        "ups `ups-a` surely lasts 80 s (four fifths of it)",
    );
    let text = format!("{GOOD}{}", SIDES.replacen("runtime_s = 900", short, 1));
    for choice in ["evacuate", "stop_last_rung"] {
        let chosen = text.replacen("[site]\n", &format!("[site]\non_battery = \"{choice}\"\n"), 1);
        let found = brief(&check(&chosen));
        assert!(!found.iter().any(|f| is_of_feeds(f)), "{found:#?}");
    }
    names(
        "runtime_s = 900\n",
        "",
        "warning",
        "how long ups `ups-a` lasts is not declared",
    );
}

#[test]
fn nobody_to_agree_with_is_warned_of() {
    names(
        "segment = \"b\"",
        "segment = \"a\"",
        "warning",
        "1 of 2 groups can say that the mains are gone",
    );
}
