//! The matrix of a small site, and what turns which bridge red.

use std::collections::BTreeMap;

use super::*;
use crate::config::parse;
use crate::hooks::stock::{Piece, Stock};

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
    ways: Vec<WayView>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            text: SITE.to_owned(),
            asked: vec![reached(), reached()],
            tools: BTreeMap::new(),
            history: History::default(),
            disk: Disk::Own,
            ways: Vec::new(),
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
            ways: &self.ways,
            as_of: AsOf {
                hooks_ms: 3,
                tools_ms: 2,
                looked_ms: 1,
            },
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
            "gone after 529 s (its own time: declared), and power may be lost 480 s"
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

/// A member that has so much, and both workloads take some of it.
fn stocked(free: i128, needs: &[(&str, i128)]) -> Preflight {
    let amounts = |n: i128| [("memory".to_owned(), n * (1_000 << 20))].into();
    let takes = |n| {
        vec![Piece {
            takes: amounts(n),
            only: None,
        }]
    };
    let mut mover = reached();
    mover.room.insert("paris-1".into(), yes());
    mover.stock = Stock {
        free: [("m3".to_owned(), amounts(free)), ("m9".to_owned(), amounts(1_000))].into(),
        members: [
            ("paris-1".to_owned(), ["m3".to_owned()].into()),
            ("nice-1".to_owned(), ["m9".to_owned()].into()),
        ]
        .into(),
        needs: needs.iter().map(|(id, n)| ((*id).to_owned(), takes(*n))).collect(),
    };
    mover
}

#[test]
fn what_comes_is_summed_up_against_what_the_target_found() {
    let mut known = Known::with("room = 10", "");
    let both: &[_] = &[("db", 300), ("web", 200)];
    known.asked[0] = stocked(500, both);
    let report = known.report();
    for id in ["db", "web"] {
        let cell = cell(&report, id, None);
        assert_eq!(
            (cell.colour, cell.way.as_deref()),
            (Colour::Green, Some("move to paris-1")),
            "{id}: {cell:?}"
        );
    }
    known.asked[0] = stocked(450, both);
    let report = known.report();
    assert_eq!(cell(&report, "db", None).colour, Colour::Green, "it goes first");
    let web = cell(&report, "web", None);
    assert_eq!(
        (web.colour, web.way.as_deref()),
        (Colour::Amber, Some("failover to nice-1"))
    );
    assert!(
        says(
            web,
            "no room left after what goes before: it takes memory 200 MiB; m3 has memory 150 MiB"
        ),
        "{web:?}"
    );
    // With paris-1 down its member takes nothing; nice-1 is not asked for what db takes.
    assert_eq!(
        cell(&report, "db", Some("paris-1")).way.as_deref(),
        Some("stop cleanly")
    );
}

#[test]
fn a_budget_stands_in_the_way_of_a_move_alone() {
    let mut known = Known::with("room = 10", "room = 20");
    let web = |known: &Known| cell(&known.report(), "web", None).clone();
    let before = web(&known);
    assert_eq!(
        (before.colour, before.way.as_deref()),
        (Colour::Green, Some("move to paris-1"))
    );
    known.asked[0].moves.insert("web".into(), no());
    let held = web(&known);
    assert_eq!(
        (held.colour, held.way.as_deref()),
        (Colour::Amber, Some("failover to nice-1"))
    );
    assert!(says(&held, "move to paris-1 is out: mover: refused"), "{held:?}");
    assert_eq!(cell(&known.report(), "db", None).colour, Colour::Green);
}

#[test]
fn times_are_those_that_were_measured_where_they_were() {
    let way = |needs_ms, live: u32| WayView {
        workload: "db".into(),
        rung: muster_core::RungKind::Move,
        hook: "mover".into(),
        destination: Some("paris-1".into()),
        declared_ms: 100_000,
        needs_ms,
        live: muster_core::Ranks {
            count: live,
            p95_ms: 470_000,
            ..muster_core::Ranks::default()
        },
        drill: muster_core::Ranks::default(),
        drift: None,
    };
    let mut known = Known::default();
    let db = |known: &Known| cell(&known.report(), "db", None).clone();
    assert_eq!(
        (db(&known).gone_after_s, db(&known).time_by.as_deref()),
        (Some(100), Some("declared"))
    );
    known.ways = vec![way(470_000, 3)];
    assert_eq!(
        (db(&known).gone_after_s, db(&known).time_by.as_deref()),
        (Some(470), Some("p95 of 3 evacuations"))
    );
    let web = cell(&known.report(), "web", None).clone();
    assert_eq!(web.gone_after_s, Some(520), "after db, by what db takes");
    assert!(says(&web, "its own time: declared"), "{web:?}");
    known.ways = vec![WayView {
        declared_ms: 90_000,
        ..way(470_000, 3)
    }];
    assert_eq!(db(&known).time_by.as_deref(), Some("declared"), "of another config");
}

#[test]
fn everything_says_when_it_was_asked() {
    let report = Known::default().report();
    let of = |checks: &[Check]| checks.iter().map(|check| check.as_of_ms).max();
    assert_eq!(
        (of(&report.hooks), of(&report.muster), of(&report.drills)),
        (Some(3), Some(1), Some(1))
    );
    let row = |id: &str| report.rows.iter().find(|row| row.id == id).unwrap().as_of_ms;
    assert_eq!((row("db"), row("vault")), (3, 2));
}
