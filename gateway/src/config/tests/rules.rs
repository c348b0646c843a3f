//! Each rule by a change of one line of the small good file: what holds the file together, and what acts.

use super::{GOOD, all, brief, check, config, limits, one, only, with};
use crate::config::Severity;

/// The good file with these lines in its [mqtt].
fn mqtt(lines: &str) -> Vec<String> {
    all(&[("insecure = true", lines)])
}

#[test]
fn tables_and_types() {
    assert_eq!(one("id = \"here\"", ""), "1 error `id` is missing in [site]");
    assert_eq!(
        one("[site]\nid = \"here\"", ""),
        "1 error `[site]` is missing in the file"
    );
    assert_eq!(
        one("id = \"here\"", "id = 7"),
        "2 error `id` of [site] is of the type integer"
    );
    assert_eq!(
        one("id = \"here\"", "id = \"here\"\narmed = \"yes\""),
        "3 error `armed` of [site] is of the type string"
    );
    assert_eq!(
        one("[[hook]]", "[[hok]]\n[[hook]]"),
        "20 error the file has no key `hok`"
    );
    only(
        &all(&[("[[zone]]", "[zone]")]),
        "error",
        "`zone` of the file is of the type table",
    );
    only(
        &mqtt("insecure = true\nlisten = \"1883\""),
        "error",
        "`1883` is not an address to listen on",
    );
    only(
        &mqtt("insecure = true\nmax_clients = 0"),
        "error",
        "`max_clients` = `0` is out of range",
    );
}

#[test]
fn what_comes_later_is_refused_by_name() {
    let findings = check(&format!("{GOOD}[[peer]]\n"));
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert!(
        findings.iter().all(|f| f.hint.contains("later version")),
        "{findings:#?}"
    );
    let serial = check(&GOOD.replacen("kind = \"modbus\"", "kind = \"modbus-rtu\"", 1));
    assert!(serial.iter().any(|f| f.hint.contains("later version")), "{serial:#?}");
}

#[test]
fn ids_are_of_one_pattern_and_unique() {
    for bad in [
        "",
        "Room",
        "a_b",
        "a.b",
        "ä",
        "a b",
        "123456789012345678901234567890123",
    ] {
        let found = all(&[("id = \"room\"", &format!("id = \"{bad}\""))]);
        assert!(
            found
                .iter()
                .any(|f| f.starts_with("4 error") && f.ends_with("is not an id")),
            "{found:#?}"
        );
    }
    let zones = with(
        "[[zone]]
id = \"room\"
",
    );
    assert!(
        zones.contains(&"43 error a second zone with the id `room`".to_owned()),
        "{zones:#?}"
    );
    let twice = all(&[
        ("id = \"panel\"", "id = \"node-1\""),
        ("source = \"panel\"", "source = \"node-1\""),
    ]);
    assert!(
        twice.contains(&"11 error a second source with the id `node-1`".to_owned()),
        "{twice:#?}"
    );
    only(&limits("id = \"a.b.c\""), "error", "`a.b.c` is not the id of a channel");
    only(
        &limits("id = \"node-1.smoke\""),
        "error",
        "a second channel with the id `node-1.smoke`",
    );
    only(
        &with(
            "[[principal]]\nid = \"anna\"\nroles = [\"operator\"]\ntoken_hash = \"sha256:00000000000000000000000000000000000000000000000000000000000000cc\"\n",
        ),
        "error",
        "a second principal",
    );
}

#[test]
fn references_lead_somewhere() {
    assert_eq!(
        one("zone = \"room\"\nsignals", "zone = \"rooms\"\nsignals"),
        "8 error there is no zone `rooms`"
    );
    assert_eq!(
        one("signal = \"in1\"", "signal = \"in9\""),
        "17 error the device profile reads no signal `in9`"
    );
    assert_eq!(
        one("hook = \"mover\"", "hook = \"moved\""),
        "31 error there is no hook `moved`"
    );
    assert_eq!(
        one("runs_on = \"r1\"", "runs_on = \"r1\"\nafter = [\"dns\"]"),
        "31 error there is no workload `dns`"
    );
    only(
        &with("[[channel]]\nsource = \"nod-1\"\nsignal = \"voc\"\n"),
        "error",
        "there is no source `nod-1`",
    );
    assert_eq!(
        one("generic/dry-contacts", "generic/dry-contact"),
        "14 error there is no device profile `generic/dry-contact`"
    );
}

#[test]
fn ladders() {
    let rung = "{ kind = \"stop\", hook = \"mover\", needs_s = 20 }";
    let ladder = |rungs: &str| all(&[(rung, rungs)]);
    let mover = |kind: &str, more: &str| format!("{{ kind = \"{kind}\", hook = \"mover\", needs_s = 20{more} }}");
    only(&ladder(""), "error", "`rung` is missing in [[workload]]");
    only(
        &ladder(&mover("move", ", to = \"far\"")),
        "warning",
        "the last rung of `db` is a move",
    );
    only(
        &ladder(&format!("{}, {rung}", mover("move", ""))),
        "error",
        "`to` is missing: a move needs a destination",
    );
    only(
        &ladder(&format!("{}, {rung}", mover("failover", ", to = \"here\""))),
        "error",
        "the destination `here` is this very site",
    );
    only(
        &ladder(&mover("stop", ", to = \"far\"")),
        "error",
        "a workload that is stopped goes nowhere",
    );
    let upside_down = format!(
        "{}, {}, {rung}",
        mover("failover", ", to = \"far\""),
        mover("move", ", to = \"far\"")
    );
    only(&ladder(&upside_down), "error", "a move stands below a failover");
    only(
        &ladder(&format!("{rung}, {rung}")),
        "error",
        "a second stop to the same place",
    );
    only(
        &ladder(&rung.replace("20", "0")),
        "error",
        "`needs_s` = 0 s is out of range",
    );
    only(
        &ladder(&rung.replace("20", "481")),
        "warning",
        "this rung needs 481 s, but power may be lost 480 s",
    );
    only(
        &ladder(&rung.replace(", needs_s = 20", "")),
        "error",
        "`needs_s` is missing",
    );
    only(
        &ladder(&rung.replace("stop", "fly")),
        "error",
        "`kind` of [[workload.rung]] cannot be `fly`",
    );
    only(
        &all(&[("tier = 1", "tier = 0")]),
        "error",
        "`tier` = `0` is out of range",
    );
    only(
        &all(&[("tier = 1", "tier = 1\nafter = [\"db\"]")]),
        "error",
        "workloads wait for each other: `db` after `db`",
    );
}

#[test]
fn a_destination_is_an_id_as_it_becomes_part_of_a_steps_name() {
    let rung = "{ kind = \"stop\", hook = \"mover\", needs_s = 20 }";
    for bad in [
        "",
        "An Other",
        "far.away",
        "far\\r\\nwebhook-id: x",
        "a_b",
        &"x".repeat(33),
    ] {
        let to = format!("{{ kind = \"move\", hook = \"mover\", needs_s = 20, to = \"{bad}\" }}, {rung}");
        let found = all(&[(rung, &to)]);
        assert!(found.len() == 1 && found[0].ends_with("is not an id"), "{found:#?}");
    }
}

#[test]
fn an_early_tier_does_not_wait_for_a_later_one() {
    let other = |tier: u8| {
        format!(
            "[[workload]]\nid = \"store\"\ntier = {tier}\nruns_on = \"r1\"\n\
             rung = [{{ kind = \"stop\", hook = \"mover\", needs_s = 20 }}]\n"
        )
    };
    let waiting = GOOD.replacen("tier = 1", "tier = 1\nafter = [\"store\"]", 1);
    let found = |tier| brief(&check(&format!("{waiting}{}", other(tier))));
    assert_eq!(found(1), Vec::<String>::new());
    assert_eq!(found(2), ["30 warning `db` of tier 1 waits for `store` of tier 2"]);
}

#[test]
fn priors_do_not_contradict_each_other() {
    let site = |lines: &str| all(&[("id = \"here\"", &format!("id = \"here\"\n{lines}"))]);
    only(
        &site("loss_earliest_s = 600\nloss_likely_s = 300"),
        "error",
        "`loss_earliest_s` is after `loss_likely_s`",
    );
    only(
        &site("cut_likely_s = 0"),
        "error",
        "`cut_likely_s` = 0 s is out of range",
    );
    let late = config(&GOOD.replacen("id = \"here\"", "id = \"here\"\nloss_earliest_s = 3000", 1));
    assert_eq!(
        (late.site.priors.loss_earliest_ms, late.site.priors.loss_likely_ms),
        (3_000_000, 3_000_000)
    );
}

#[test]
fn the_network_side() {
    only(
        &mqtt("insecure = true\nlisten = \"0.0.0.0:1883\""),
        "warning",
        "nodes are heard on 0.0.0.0:1883 without TLS",
    );
    only(
        &mqtt("listen = false"),
        "error",
        "the broker is switched off, but there are nodes",
    );
    let http = |lines: &str| all(&[("public_url = \"https://muster.example\"", lines)]);
    only(
        &http(""),
        "warning",
        "hook `mover` is on another machine and is told to report progress to 127.0.0.1:8620",
    );
    only(
        &http("public_url = \"https://muster.example/x\""),
        "error",
        "`https://muster.example/x` is not a public URL",
    );
    only(
        &http("listen = \"10.0.0.1:80\""),
        "warning",
        "the API listens on 10.0.0.1:80 without TLS",
    );
    only(
        &all(&[("https://mover.example", "http://mover.example")]),
        "warning",
        "hook calls to `mover.example` are not encrypted",
    );
    only(
        &with("[store]\npath = \"\"\n"),
        "error",
        "`path` of [store] does not name a file",
    );
}

#[test]
fn orders_need_two_persons() {
    let ben = "roles = [\"operator\", \"safety\"]\ntoken_hash = \"sha256:00000000000000000000000000000000000000000000000000000000000000bb\"";
    only(
        &all(&[(ben, &ben.replace(", \"safety\"", ""))]),
        "warning",
        "1 of the principals has the role `safety`",
    );
    only(
        &all(&[(ben, &ben.replace("safety", "saftey"))])[..1],
        "warning",
        "1 of the principals",
    );
    only(&all(&[("00bb", "00aa")]), "error", "`ben` has the same token as `anna`");
    for bad in ["sha256:00", "00bb", "sha256:zz", "secret-token"] {
        let found = all(&[(
            "sha256:00000000000000000000000000000000000000000000000000000000000000bb",
            bad,
        )]);
        only(&found, "error", "this is not the hash of a token");
        assert!(
            !found.iter().any(|f| f.contains("secret-token")),
            "may be the token itself"
        );
    }
    let nobody = GOOD.split_once("[[principal]]").map_or("", |(before, _)| before);
    only(
        &brief(&check(&format!("{nobody}[mqtt]\ninsecure = true\n"))),
        "warning",
        "there is no [[principal]]",
    );
}

#[test]
fn findings_come_in_the_order_of_the_file() {
    let findings = check(
        &GOOD
            .replace("here", "Here")
            .replace("stop", "move")
            .replace("room", "ROOM"),
    );
    assert!(
        findings.len() > 3 && findings.is_sorted_by_key(|f| (f.line, f.column)),
        "{findings:#?}"
    );
    assert!(findings.iter().any(|f| f.severity == Severity::Error));
}

#[test]
fn the_flight_recorder_has_room_for_two_segments() {
    let store = |lines: &str| all(&[("[[zone]]", &format!("[store]\n{lines}\n[[zone]]"))]);
    let of = |lines: &str| {
        config(&GOOD.replacen("[[zone]]", &format!("[store]\n{lines}\n[[zone]]"), 1))
            .store
            .recorder
    };
    let usual = of("");
    assert_eq!(
        (usual.ring, usual.pinned, usual.segment),
        (256 << 20, 1_024 << 20, 8 << 20)
    );
    assert_eq!(of("recorder_mib = 0").ring, 0, "off");
    let small = of("recorder_mib = 2\npinned_mib = 2\nsegment_mib = 1");
    assert_eq!((small.ring, small.pinned, small.segment), (2 << 20, 2 << 20, 1 << 20));
    only(
        &store("recorder_mib = 1"),
        "error",
        "`recorder_mib` of [store] holds fewer than two segments",
    );
    only(
        &store("pinned_mib = 8"),
        "error",
        "`pinned_mib` of [store] holds fewer than two segments",
    );
    only(
        &store("recorder_mib = -1"),
        "error",
        "`recorder_mib` = `-1` is out of range",
    );
}

#[test]
fn destinations_are_named_by_rungs_and_hold_what_may_come() {
    let stop = "{ kind = \"stop\", hook = \"mover\", needs_s = 20 }";
    let goes = format!("{{ kind = \"move\", hook = \"mover\", needs_s = 20, to = \"far\" }}, {stop}");
    let with = |rows: &str| brief(&check(&format!("{}{rows}", GOOD.replacen(stop, &goes, 1))));
    assert_eq!(with("[[destination]]\nid = \"far\"\nroom = 1\n"), Vec::<String>::new());
    only(
        &with("[[destination]]\nid = \"mars\"\n"),
        "warning",
        "no rung goes to the destination `mars`",
    );
    only(
        &with("[[destination]]\nid = \"far\"\nroom = 0\n"),
        "warning",
        "`far` has room for 0, and workloads of 1 may go there",
    );
    let twice = "[[destination]]\nid = \"far\"\n".repeat(2);
    assert!(!with(&twice).is_empty(), "two of one id");
}
