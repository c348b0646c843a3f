//! The matrix of a small site, and what turns which bridge red.

use std::collections::BTreeMap;

use super::*;
use crate::config::parse;

const SITE: &str = r#"
[site]
id = "lyon-2"

[mqtt]
listen = false

[[zone]]
id = "room"

[[source]]
id = "ups-a"
kind = "nut"
address = "192.0.2.9:3493"
ups = "a"
zone = "room"
signals = ["on_battery"]

[muster]
rack = "r9"
switches = ["sw-1", "sw-2"]
uplinks = ["east", "west"]
names = "elsewhere"

[[feed]]
rack = "r9"
by = ["ups-a", "ups-b"]

[[feed]]
ups = "ups-a"
zone = "room"

[[feed]]
ups = "ups-b"
zone = "room"

[[destination]]
id = "paris-1"
room = 10

[[destination]]
id = "nice-1"
room = 4

[[tool]]
id = "images"
kind = "registry"
workload = "db"

[[tool]]
id = "bind"
kind = "dns"
at = ["lyon-2", "paris-1"]

[[tool]]
id = "vault"
kind = "secrets"
at = ["lyon-2"]

[[hook]]
id = "mover"
kind = "webhook"
url = "https://mover.example/"
secret = "whsec_bXVzdGVyLWV4YW1wbGUtc2VjcmV0LW9mLXJlbG9jYXRl"

[[hook]]
id = "stopper"
kind = "webhook"
url = "https://192.0.2.7/"
secret = "whsec_bXVzdGVyLWV4YW1wbGUtc2VjcmV0LW9mLXJlbG9jYXRl"

[[workload]]
id = "db"
tier = 1
runs_on = "r1"
room = 8
rung = [
    { kind = "move", hook = "mover", to = "paris-1", needs_s = 100 },
    { kind = "stop", hook = "stopper", needs_s = 10 },
]

[[workload]]
id = "web"
tier = 2
runs_on = "r1"
after = ["db"]
room = 4
rung = [
    { kind = "move", hook = "mover", to = "paris-1", needs_s = 100 },
    { kind = "failover", hook = "mover", to = "nice-1", needs_s = 50 },
    { kind = "stop", hook = "stopper", needs_s = 10 },
]
"#;

fn yes() -> Answer {
    Answer::Yes {
        seen: "it is there".into(),
    }
}

fn no() -> Answer {
    Answer::No {
        why: "refused".into(),
        mend: "ask it why".into(),
    }
}

fn reached() -> Preflight {
    Preflight::only_reached(yes(), "not asked")
}

struct Known {
    text: String,
    asked: Vec<Preflight>,
    tools: BTreeMap<String, Answer>,
    history: History,
    disk: Disk,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            text: SITE.to_owned(),
            asked: vec![reached(), reached()],
            tools: BTreeMap::new(),
            history: History::default(),
            disk: Disk::Own,
        }
    }
}

impl Known {
    fn report(&self) -> Report {
        let (config, _) = parse(&self.text, std::path::Path::new("site.toml")).unwrap_or_else(|findings| {
            let errors = findings.iter().filter(|f| f.severity == crate::config::Severity::Error);
            panic!("{:?}", errors.map(|f| &f.what).collect::<Vec<_>>())
        });
        judge(&Facts {
            config: &config,
            asked: &self.asked,
            tools: &self.tools,
            history: &self.history,
            disk: &self.disk,
            now_ms: 1_000 * 86_400_000,
        })
    }

    fn with(from: &str, to: &str) -> Self {
        let text = SITE.replace(from, to);
        assert_ne!(text, SITE);
        Self {
            text,
            ..Self::default()
        }
    }
}

fn cell<'a>(report: &'a Report, id: &str, down: Option<&str>) -> &'a Cell {
    let at = report
        .columns
        .iter()
        .position(|lost| lost.also_down.as_deref() == down)
        .expect("a column");
    &report.rows.iter().find(|row| row.id == id).expect("a row").cells[at]
}

fn says(cell: &Cell, words: &str) -> bool {
    cell.findings
        .iter()
        .any(|finding| finding.why.contains(words) && (finding.mend.is_some() || finding.colour == Colour::Green))
}

fn check<'a>(checks: &'a [Check], id: &str) -> &'a Finding {
    &checks.iter().find(|check| check.id == id).expect("a check").finding
}

#[test]
fn who_goes_first_takes_the_room_and_the_next_goes_elsewhere() {
    let report = Known::default().report();
    let db = cell(&report, "db", None);
    assert_eq!((db.colour, db.way.as_deref()), (Colour::Green, Some("move to paris-1")));
    let web = cell(&report, "web", None);
    assert_eq!(
        (web.colour, web.way.as_deref()),
        (Colour::Amber, Some("failover to nice-1"))
    );
    assert!(
        says(web, "it takes 4 units of room, and 2 are left after what goes before"),
        "{web:?}"
    );
    assert_eq!(web.gone_after_s, Some(150), "after db, by the way that is left");
}

#[test]
fn three_sites_plus_alpha_asks_whether_a_rung_is_left_with_one_site_down() {
    let report = Known::default().report();
    assert_eq!(report.columns.len(), 3);
    let db = cell(&report, "db", Some("paris-1"));
    assert_eq!((db.colour, db.way.as_deref()), (Colour::Red, Some("stop cleanly")));
    assert!(says(db, "move to paris-1 is out: paris-1 is down"), "{db:?}");
    let web = cell(&report, "web", Some("paris-1"));
    assert_eq!(
        (web.colour, web.way.as_deref()),
        (Colour::Red, Some("failover to nice-1"))
    );
    assert!(says(web, "it needs db, whose bridge is broken"), "{web:?}");
    assert_eq!(cell(&report, "db", Some("nice-1")).colour, Colour::Green);
    assert!(says(cell(&report, "web", Some("nice-1")), "only a clean stop is left"));
    assert_eq!(report.colour, Colour::Red);
}

#[test]
fn a_hook_that_does_not_answer_breaks_what_goes_by_it() {
    let known = Known {
        asked: vec![Preflight::only_reached(no(), "not asked"), reached()],
        ..Known::default()
    };
    let report = known.report();
    assert!(says(
        cell(&report, "db", None),
        "move to paris-1 is out: mover: refused"
    ));
    assert_eq!(check(&report.hooks, "mover").colour, Colour::Red);
    assert_eq!(check(&report.hooks, "mover").mend.as_deref(), Some("ask it why"));
    let known = Known {
        asked: vec![
            Preflight::only_reached(no(), "not asked"),
            Preflight::only_reached(no(), "not asked"),
        ],
        ..Known::default()
    };
    let report = known.report();
    let db = cell(&report, "db", None);
    assert_eq!((db.colour, &db.way, db.gone_after_s), (Colour::Red, &None, None));
    assert!(says(db, "stop cleanly is out"));
}

#[test]
fn what_a_target_says_of_one_workload_and_of_its_room_counts() {
    let mut mover = reached();
    mover.workloads.insert("db".into(), no());
    mover.room.insert("nice-1".into(), no());
    let known = Known {
        asked: vec![mover, reached()],
        ..Known::default()
    };
    let report = known.report();
    assert!(says(cell(&report, "db", None), "only a clean stop is left"));
    let web = cell(&report, "web", None);
    assert_eq!(
        web.way.as_deref(),
        Some("move to paris-1"),
        "db takes no room there now"
    );
    assert!(says(
        cell(&report, "web", Some("paris-1")),
        "failover to nice-1 is out: mover: refused"
    ));
}

#[test]
fn room_that_nobody_has_named_is_a_doubt() {
    let report = Known::with("room = 10", "").report();
    let db = cell(&report, "db", None);
    assert_eq!(db.colour, Colour::Amber);
    assert!(says(db, "nobody has said whether paris-1 has room for it"), "{db:?}");
    let mut mover = reached();
    mover.room.insert("paris-1".into(), yes());
    let mut known = Known::with("room = 10", "");
    known.asked[0] = mover;
    assert_eq!(
        cell(&known.report(), "db", None).colour,
        Colour::Green,
        "the target has said so"
    );
}

#[test]
fn time_is_counted_with_lanes_and_dependencies() {
    let report = Known::with(
        "needs_s = 100 },\n    { kind = \"stop\"",
        "needs_s = 479 },\n    { kind = \"stop\"",
    )
    .report();
    assert_eq!(cell(&report, "db", None).gone_after_s, Some(479));
    assert!(
        says(
            cell(&report, "web", None),
            "gone after 529 s, and power may be lost 480 s"
        ),
        "after db"
    );
}

#[test]
fn tools_burn_with_the_rest_unless_they_stand_elsewhere_too() {
    let known = Known {
        tools: BTreeMap::from([("vault".to_owned(), no())]),
        ..Known::default()
    };
    let report = known.report();
    assert_eq!(cell(&report, "bind", None).colour, Colour::Green);
    assert_eq!(cell(&report, "bind", Some("paris-1")).colour, Colour::Red);
    let vault = cell(&report, "vault", None);
    assert!(
        says(vault, "stands nowhere but at lyon-2") && says(vault, "does not answer now"),
        "{vault:?}"
    );
    assert_eq!(
        cell(&report, "images", None).colour,
        Colour::Green,
        "it is the workload db, which goes first"
    );
    assert!(says(cell(&report, "images", Some("paris-1")), "whose bridge is broken"));
    for silent in ["monitoring", "deploy"] {
        assert!(says(cell(&report, silent, None), "nobody has said where"), "{silent}");
    }
}

#[test]
fn muster_itself_is_no_safer_than_what_it_stands_on() {
    let report = Known::default().report();
    let colour = |id: &str| check(&report.muster, id).colour;
    assert_eq!(colour("feed"), Colour::Amber, "a fire in room takes both");
    assert!(
        ["switch", "uplink", "names", "disk"]
            .iter()
            .all(|id| colour(id) == Colour::Green)
    );
    assert_eq!(
        (colour("told-outside"), colour("outside-watch")),
        (Colour::Red, Colour::Amber)
    );
    let bare = Known::with(
        "[muster]\nrack = \"r9\"\nswitches = [\"sw-1\", \"sw-2\"]\nuplinks = [\"east\", \"west\"]\nnames = \"elsewhere\"",
        "",
    );
    let report = bare.report();
    for id in ["feed", "switch", "uplink", "names"] {
        assert_eq!(check(&report.muster, id).colour, Colour::Amber, "{id}");
    }
    let known = Known {
        disk: Disk::Memory,
        ..Known::with("names = \"elsewhere\"", "names = \"here\"")
    };
    let report = known.report();
    assert!(
        ["disk", "names"]
            .iter()
            .all(|id| check(&report.muster, id).colour == Colour::Red)
    );
    assert!(
        check(&report.muster, "names").why.contains("mover") && !check(&report.muster, "names").why.contains("stopper")
    );
}

#[test]
fn a_proof_is_good_for_a_day_and_a_drill_for_its_time() {
    let day = 86_400_000;
    let now = 1_000 * day;
    let ran = |proof: i64, passed: i64| Known {
        history: History {
            proofs: BTreeMap::from([("mover".to_owned(), now - proof)]),
            passed: ["db", "web"].map(|id| (id.to_owned(), now - passed)).into(),
            drills: vec![Drill {
                at_ms: now - passed,
                passed: true,
                why: String::new(),
            }],
        },
        ..Known::with(
            "[[tool]]\nid = \"images\"",
            "[[drill]]\nevery_days = 30\n[[tool]]\nid = \"images\"",
        )
    };
    let report = ran(day / 2, 29 * day).report();
    assert_eq!(check(&report.hooks, "mover").colour, Colour::Green);
    assert!(check(&report.hooks, "stopper").why.contains("never carried out a step"));
    assert!(report.drills.iter().all(|check| check.finding.colour == Colour::Green));
    let report = ran(2 * day, 31 * day).report();
    assert!(
        check(&report.hooks, "mover")
            .why
            .contains("last carried out a step 2 d ago")
    );
    assert!(check(&report.drills, "drill-age").why.contains("db, web"));
    let never = Known::default().report();
    assert_eq!(
        check(&never.drills, "last-drill").mend.as_deref(),
        Some("`muster drill --site lyon-2 --token-file YOUR.tok`")
    );
}
