//! `muster explain` over every incident file: it says what `muster replay` decided, and every "what if" comes true when it
//! is really tried.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use muster::incident::{self, Incident, Stage};
use muster::replay::explain::{Change, Course, Explanation, Goal, Tape, Twist, WhatIf, explain};
use muster::replay::play::{self, play};
use muster_core::{Effect, EventKind, Level, Limit, Millis, Record, Site};
use muster_wire::Micro;

use crate::site::process::{document, muster};

/// Inputs that the what-ifs of one moment may replay here.
const BUDGET: u64 = 600_000;

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

fn files() -> Vec<PathBuf> {
    let all = std::fs::read_dir(scenarios())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = all
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    files
}

/// Groups with a latched vote, by what was decided up to a time.
fn voted(course: &play::Course, until: Millis) -> Vec<(String, String)> {
    let mut known = Vec::new();
    for decision in course.decisions.iter().filter(|d| d.at <= until) {
        let Effect::Persist(entry) = &decision.effect else {
            continue;
        };
        match &entry.record {
            Record::VoteHeld { zone, group, .. } => known.push((zone.clone(), group.clone())),
            Record::IncidentClosed { .. } => known.clear(),
            _ => {}
        }
    }
    known.sort();
    known.dedup();
    known
}

fn said(found: &Explanation) -> Vec<(String, String)> {
    let zones = found.view.zones.iter();
    let groups = zones.flat_map(|z| z.groups.iter().map(move |g| (z, g)));
    let voted = groups.filter(|(_, g)| g.vote.is_some());
    let mut said: Vec<_> = voted.map(|(z, g)| (z.id.clone(), g.id.clone())).collect();
    said.sort();
    said
}

/// When a zone was told to evacuate, or first voted, by what was decided.
fn came(course: &play::Course, goal: Goal, zone: &str) -> Option<Millis> {
    let is_it = |effect: &Effect| match effect {
        Effect::Event(e) => {
            goal != Goal::Vote && e.kind == EventKind::Level && e.subject == zone && e.line.contains("-> evacuate")
        }
        Effect::Persist(entry) => {
            goal == Goal::Vote && matches!(&entry.record, Record::VoteHeld { zone: z, .. } if z == zone)
        }
        _ => false,
    };
    course.decisions.iter().find(|d| is_it(&d.effect)).map(|d| d.at)
}

/// Files of so long play within seconds.
const SHORT_MS: Millis = 2 * 3_600_000;

#[test]
fn every_short_file_is_explained_as_it_was_decided_and_every_what_if_comes_true() {
    let (moments, tried) = all_of(SHORT_MS);
    assert!(moments >= 30 && tried >= 10, "{moments} moments, {tried} what-ifs");
}

#[test]
#[ignore = "heavy: some files last for most of a day, a second at a time"]
fn every_file_is_explained_as_it_was_decided_and_every_what_if_comes_true() {
    let (moments, tried) = all_of(Millis::MAX);
    assert!(moments > 100 && tried > 30, "{moments} moments, {tried} what-ifs");
}

/// Moments that were explained, and what-ifs that came true.
fn all_of(longest_ms: Millis) -> (usize, usize) {
    let (mut moments, mut tried) = (0, 0);
    for path in files() {
        let incident = incident::load(&path).unwrap();
        if incident.end > longest_ms {
            continue;
        }
        for (ix, stage) in incident.stages().unwrap().iter().enumerate() {
            let decided = play(&incident, stage);
            let tape = Tape::Room(&incident, stage);
            let course = Course::of(&tape).unwrap();
            let middle = decided.facts.second_vote.or(decided.facts.first_vote);
            let middle = middle.unwrap_or(incident.end / 2);
            for (at, budget) in [(incident.zero, 0), (middle, BUDGET), (incident.end, 0)] {
                let found = explain(&tape, &course, at, None, budget).unwrap();
                let about = format!("{} {} at {at}", path.display(), stage.name);
                assert_eq!(said(&found), voted(&decided, at), "{about}");
                assert_eq!(found.view.level, decided.level_at(at), "{about}");
                moments += 1;
                for (zone, answer) in found.view.zones.iter().zip(&found.answers) {
                    assert_eq!(answer.evacuated, came(&decided, Goal::Evacuate, &zone.id), "{about}");
                    for what_if in &answer.what_ifs {
                        comes_true((&incident, ix), (&zone.id, answer.goal, at), what_if, &about);
                        tried += 1;
                    }
                }
            }
        }
    }
    (moments, tried)
}

/// By hand, in a config of its own, and through the player of `muster replay`.
fn comes_true(
    (incident, ix): (&Incident, usize),
    (zone, goal, at): (&str, Goal, Millis),
    what_if: &WhatIf,
    about: &str,
) {
    let mut stage = incident.stages().unwrap().remove(ix);
    let mut site = Site::clone(&stage.config.site);
    let channel = |site: &Site, id: &str| site.channels.iter().position(|c| c.id == id).unwrap();
    let about = format!("{about}, {zone}: {what_if:?}");
    match &what_if.change {
        Change::Limit { channel: id, to, .. } => {
            let ix = channel(&site, id);
            let limit = site.channels[ix].alarm.unwrap();
            let by = limit.set.0 - to.0;
            site.channels[ix].alarm = Some(Limit {
                set: *to,
                clear: Micro(limit.clear.0 - by),
                ..limit
            });
        }
        Change::OneSample { channel: id, .. } => {
            let ix = channel(&site, id);
            site.channels[ix].k = 1;
        }
        Change::Without { zone, group } => never(&mut site, zone, group),
        Change::OneMore { .. } | Change::AsLate { .. } => return given(incident, &stage, (zone, goal, at), what_if),
    }
    stage.config.site = Arc::new(site);
    let found = came(&play(incident, &stage), goal, zone);
    assert_eq!(found, what_if.at, "{about}");
}

fn never(site: &mut Site, zone: &str, group: &str) {
    let (zones, groups) = (site.zones.clone(), site.groups.clone());
    for channel in &mut site.channels {
        if zones[channel.zone.at()].id == zone && groups[channel.group.at()].id == group {
            let far = |l: Limit| if l.above { Micro(i64::MAX) } else { Micro(i64::MIN) };
            channel.alarm = channel.alarm.map(|l| Limit {
                set: far(l),
                clear: far(l),
                ..l
            });
            channel.checks.rise = None;
        }
    }
}

/// A vote that nobody recorded: the whole tape once more, with it.
fn given(incident: &Incident, stage: &Stage, (zone, _, at): (&str, Goal, Millis), what_if: &WhatIf) {
    let tape = Tape::Room(incident, stage);
    let ix = stage.config.site.zones.iter().position(|z| z.id == zone).unwrap();
    let run = |twist: &Twist| {
        let mut found = None;
        tape.run(twist, Millis::MAX, &mut |stepped| {
            if stepped.state.zone_levels().nth(ix) == Some(Level::Evacuate) {
                found = Some(stepped.at);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })
        .unwrap();
        found
    };
    match (what_if.at, what_if.window_until) {
        (Some(then), _) => assert_eq!(run(&what_if.twist), Some(then), "{what_if:?}"),
        (None, Some(until)) => assert!(run(&what_if.twist).is_some_and(|then| (at..=until).contains(&then))),
        (None, None) => panic!("a vote that changes nothing is no answer: {what_if:?}"),
    }
}

#[tokio::test]
async fn a_moment_as_json_and_as_eighty_columns() {
    let path = scenarios().join("pangyo-2022.txt");
    let file = path.to_str().unwrap();
    let output = muster(&["explain", file, "--at", "15:21", "--json"]).await;
    assert_eq!(output.status.code(), Some(0));
    let told = document(&output);
    assert_eq!(told["schema"], 1);
    let built = &told["rooms"][0];
    assert_eq!(
        (&built["room"], &built["level"]),
        (&"as-built".into(), &"prepare".into())
    );
    let zone = &built["zones"][0];
    assert_eq!(zone["groups"][0]["vote"]["by"], "fire-panel.fire_alarm");
    let more = &zone["outcome"]["what_ifs"][0];
    assert_eq!(
        more["change"],
        serde_json::json!({ "kind": "one_more_vote", "zone": "ups-room", "group": "bus-power" })
    );
    assert_eq!(told["rooms"][1]["level"], "evacuate");
    for arguments in [
        &["--at", "T+7:00"][..],
        &[],
        &["--zone", "ups-room", "--room", "as-built"],
    ] {
        let output = muster(&[&["explain", file], arguments].concat()).await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().count() > 10, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_explained_is_said_in_a_line() {
    let folder = tempfile::TempDir::new().unwrap();
    let garbage = folder.path().join("00000001.seg");
    std::fs::write(&garbage, [0xff; 64]).unwrap();
    let nonsense = folder.path().join("nonsense.txt");
    std::fs::write(&nonsense, "fire!\n").unwrap();
    let path = scenarios().join("pangyo-2022.txt");
    let (file, empty) = (path.to_str().unwrap(), tempfile::TempDir::new().unwrap());
    for (arguments, words) in [
        (&[garbage.to_str().unwrap()][..], "no segment of a flight recorder"),
        (&[folder.path().to_str().unwrap()], "no segment of a flight recorder"),
        (&[nonsense.to_str().unwrap()], "incident file"),
        (&[empty.path().to_str().unwrap()], "no segments"),
        (&["/nowhere"], "/nowhere"),
        (
            &[file, "--at", "14:00"],
            "it goes from 2022-10-15T15:18:00.000+09:00 to 2022-10-15T16:55:00.000+09:00",
        ),
        (&[file, "--at", "T-2:00"], "it goes from"),
        (&[file, "--at", "soon"], "soon"),
        (&[file, "--zone", "attic"], "it has battery-room, ups-room"),
        (&[file, "--room", "attic"], "--room as-built"),
        (&[file, file], "one incident file"),
    ] {
        let output = muster(&[&["explain"], arguments].concat()).await;
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
}
