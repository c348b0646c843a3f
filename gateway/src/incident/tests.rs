use std::path::Path;

use muster_core::{Input, Level, SourceIx};
use muster_wire::{Absence, Micro};
use proptest::prelude::*;

use super::{Happening, Heard, Incident, Mark, Promise, Shows, load, parse};
use crate::config::Finding;

const PANGYO: &str = include_str!("../../../tests/scenarios/pangyo-2022.txt");

const HEAD: &str = "muster incident 1\ntitle t\nproves p\ndate 2022-10-15 +09:00\nbegin 15:18\nzero 15:19\nend 15:30\n\
                    site built pangyo-as-built.toml\nhook relocate takes 45s | assumed: x\nhook stopper takes 8s | assumed: x\n";

fn here() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/incident.txt"))
}

fn with(lines: &str) -> Result<Incident, Vec<Finding>> {
    parse(&format!("{HEAD}{lines}"), here())
}

fn lines_of(found: &[Finding]) -> Vec<usize> {
    found.iter().map(|f| f.line).collect()
}

#[test]
fn statements_become_what_they_say() {
    let incident = with(
        "15:19:00.250 bms.charge 0.5 | recorded: a book\n15:20 bms.charge ramp 0.25\n  | assumed: it falls\n\
         15:21 bms.charge absent bus | assumed: cut\n15:22 bms lost | assumed: burnt\n\
         00:30 note the next day | recorded: a book\nexpect built 3 moved by 15:25\nexpect hook within 2s\n",
    )
    .unwrap();
    assert_eq!(incident.begin_wall_ms, 1_665_814_680_000);
    assert_eq!((incident.zero, incident.end), (60_000, 720_000));
    let shows: Vec<_> = incident.points.iter().map(|p| (p.at, p.shows)).collect();
    let charge = |millionths| Micro(millionths);
    assert_eq!(
        shows,
        [
            (60_250, Shows::Value(charge(500_000))),
            (120_000, Shows::Ramp(charge(250_000))),
            (180_000, Shows::Absent(Absence::Bus)),
        ]
    );
    assert_eq!(incident.facts[0].at, (9 * 60 + 12) * 60_000, "half past midnight");
    assert_eq!(incident.facts[0].mark, Mark::Recorded("a book".into()));
    assert_eq!(incident.expects[0].site.as_deref(), Some("built"));
    assert_eq!(incident.expects[0].promise, Promise::Moved(3, 420_000));
    assert_eq!(incident.expects[1].promise, Promise::HookWithin(2_000));
    let stage = &incident.stages().unwrap()[0];
    let at = |id: &str| stage.config.site.channels.iter().position(|c| c.id == id).unwrap();
    let track = &stage.tracks[at("bms.charge")];
    assert_eq!(track.at(0), Ok(charge(1_000_000)), "quiet before its first point");
    assert_eq!(track.at(90_125), Ok(charge(375_000)), "half way");
    assert_eq!(track.at(120_000), Ok(charge(250_000)));
    assert_eq!(track.at(180_000), Err(Absence::Bus));
}

#[test]
fn a_source_comes_back_and_what_repeats_is_written_once() {
    let incident = with(
        "15:19 bms lost upsd says DATA-STALE | assumed: x\n15:21 bms heard | assumed: x\n\
         15:20 every 40s until 15:22 ups-1 silent | assumed: x\n15:20:20 every 40s until 15:22 ups-1 heard | assumed: x\n\
         every all 5s\nevery bms 10s\n",
    )
    .unwrap();
    let stage = &incident.stages().unwrap()[0];
    let source = |id: &str| {
        let at = stage.config.site.sources.iter().position(|s| s.id == id).unwrap();
        SourceIx(u16::try_from(at).unwrap())
    };
    let (bms, ups) = (source("bms"), source("ups-1"));
    assert_eq!(
        stage.ends[&bms][0],
        (60_000, Heard::Lost("upsd says DATA-STALE".into()))
    );
    let heard = |source, seconds: i64| stage.is_heard(source, seconds * 1_000);
    assert!(heard(bms, 59) && !heard(bms, 60) && !heard(bms, 179) && heard(bms, 180));
    assert!(!heard(ups, 120) && heard(ups, 140) && !heard(ups, 160) && heard(ups, 239) && !heard(ups, 240));
    assert_eq!(
        stage.ends[&ups].len(),
        7,
        "four times silent, three times heard: the fourth is after the end"
    );
    assert_eq!(
        (stage.every[bms.at()], stage.every[ups.at()]),
        (10_000, 5_000),
        "its own line goes before `all`"
    );
}

#[test]
fn what_repeats_without_sense_is_one_fault() {
    for line in [
        "15:20 every 40s ups-1 silent | assumed: x",
        "15:20 every 40s until 15:19 ups-1 silent | assumed: x",
        "15:20 every 1ms until 15:22 ups-1 silent | assumed: x",
        "15:20 every often until 15:22 ups-1 silent | assumed: x",
        "15:20 every 40s until 15:22 | assumed: x",
        "15:20 every 40s until 15:22 ups-1 silent",
    ] {
        assert_eq!(lines_of(&with(line).unwrap_err()), [11], "{line}");
    }
}

#[test]
fn levels_troubles_and_what_must_never_happen_can_be_expected() {
    let incident = with(
        "expect no vote\nexpect built no evacuate hook\nexpect level at most watch\nexpect level prepare by 15:20\n\
         expect level normal at 15:29\nexpect trouble bms by 15:20\nexpect no trouble\n",
    )
    .unwrap();
    let promises: Vec<_> = incident.expects.into_iter().map(|e| e.promise).collect();
    assert_eq!(
        promises,
        [
            Promise::Never(Happening::FirstVote),
            Promise::Never(Happening::EvacuateHook),
            Promise::AtMost(Level::Watch),
            Promise::LevelBy(Level::Prepare, 120_000),
            Promise::LevelAt(Level::Normal, 660_000),
            Promise::TroubleBy("bms".into(), 120_000),
            Promise::NoTrouble,
        ]
    );
    for nonsense in [
        "no peace",
        "level at most great",
        "level watch",
        "trouble by 15:20",
        "level watch at noon",
    ] {
        assert!(with(&format!("expect {nonsense}\n")).is_err(), "{nonsense}");
    }
}

#[test]
fn every_fault_comes_at_once_with_its_line_and_a_hint() {
    let found = with(
        "15:19 bms.charge 0.5\n15:61 note x | recorded: y\n15:19 bms.charge yes | assumed: z\nwhat is this\n\
         15:19 people nobody knew | assumed: z\nexpect the unexpected\n15:20 order dance by anna\nevery bms often\n",
    )
    .unwrap_err();
    assert_eq!(lines_of(&found), [11, 12, 13, 14, 15, 16, 17, 18]);
    assert!(found.iter().all(|f| !f.hint.is_empty()), "{found:?}");
    assert!(found[0].hint.contains("recorded: SOURCE"));
}

#[test]
fn names_that_no_room_knows_are_found_and_the_nearest_is_named() {
    let incident = with("15:19 bms.chrage 0.5 | assumed: x\n15:19 fire-panle silent | assumed: x\n").unwrap();
    let found = incident.stages().unwrap_err();
    assert_eq!(lines_of(&found), [11, 12]);
    assert!(found[0].hint.contains("`bms.charge`"), "{found:?}");
    assert!(found[1].hint.contains("`fire-panel`"), "{found:?}");
    let text = HEAD.replace("hook stopper takes 8s | assumed: x\n", "");
    let found = parse(&text, here()).unwrap().stages().unwrap_err();
    assert!(found[0].what.contains("`stopper`"), "{found:?}");
}

#[test]
fn what_is_no_incident_file_says_so() {
    for text in ["", "hello\n", "muster incident 2\n", "muster incident 1\n"] {
        assert!(!parse(text, here()).unwrap_err().is_empty(), "{text:?}");
    }
    assert!(
        load(Path::new("/nowhere/at/all.txt")).unwrap_err()[0]
            .what
            .contains("cannot be read")
    );
}

#[test]
fn pangyo_has_two_versions_and_every_fact_its_mark() {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/scenarios/pangyo-2022.txt"
    ));
    let incident = parse(PANGYO, path).unwrap();
    let knew = |version| incident.knew(version).unwrap().at - incident.zero;
    assert_eq!(knew("operator"), 4 * 60_000);
    assert_eq!(knew("tenant"), 44 * 60_000);
    assert_eq!(incident.loss().unwrap().at - incident.zero, 8 * 60_000);
    assert_eq!(incident.cut().unwrap().at - incident.zero, 93 * 60_000);
    let hook = |e: &&super::Expect| e.promise == Promise::HookWithin(2_000) && e.site.is_none();
    assert!(incident.expects.iter().any(|e| hook(&e)), "in every room");
    let vote = |e: &&super::Expect| matches!(e.promise, Promise::NotBefore(Happening::FirstVote, _));
    assert!(incident.expects.iter().any(|e| vote(&e)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is written, faults or an incident; never a panic.
    #[test]
    fn any_text_is_read(text in "(muster incident 1\n)?[ -~\n|é]{0,200}") {
        let _ = parse(&text, here());
    }

    /// A real file with lines swapped and characters lost.
    #[test]
    fn a_spoilt_file_is_read(cuts in prop::collection::vec((0..8_000usize, any::<char>()), 1..6)) {
        let mut text: Vec<char> = PANGYO.chars().collect();
        for (at, with) in cuts {
            let at = at % text.len();
            text[at] = with;
        }
        let text: String = text.into_iter().collect();
        let _ = parse(&text, here());
    }
}

#[test]
fn bypasses_and_planned_work_are_orders_with_an_owner_and_a_reason() {
    let incident = with(
        "15:20 order work battery-room for 240min by anna because a string is exchanged\n\
         15:21 order bypass bms for 60min by ben because its supply is off\n15:25 order bypass bms over by ben\n",
    )
    .unwrap();
    let stage = &incident.stages().unwrap()[0];
    let said: Vec<_> = stage
        .service
        .iter()
        .map(|(at, input)| match input {
            Input::Bypass { by, until, reason, .. } => (*at, by.0, *until, reason.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        said,
        [
            (120_000, 0, Some(120_000 + 4 * 3_600_000), "a string is exchanged"),
            (180_000, 1, Some(180_000 + 3_600_000), "its supply is off"),
            (420_000, 1, None, ""),
        ]
    );
    for nonsense in [
        "15:20 order work battery-room by anna",
        "15:20 order work battery-room for 240min by anna",
        "15:20 order bypass bms for ever by anna because x",
        "15:20 order bypass bms over by anna because x",
    ] {
        assert_eq!(lines_of(&with(nonsense).unwrap_err()), [11], "{nonsense}");
    }
    let strangers = "15:20 order work cellar for 60min by anna because x\n15:20 order bypass bmz over by eve\n";
    let found = with(strangers).unwrap().stages().unwrap_err();
    assert_eq!(lines_of(&found), [11, 12, 12]);
}
