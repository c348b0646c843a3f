use std::path::Path;

use crate::incident::{Incident, parse};
use crate::replay::judge::judge;
use crate::replay::play::{Course, play};

const PANGYO: &str = include_str!("../../../tests/scenarios/pangyo-2022.txt");

fn read(text: &str) -> Incident {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/scenarios/pangyo-2022.txt"
    ));
    parse(text, path).unwrap()
}

fn courses(incident: &Incident) -> Vec<Course> {
    incident.stages().unwrap().iter().map(|s| play(incident, s)).collect()
}

#[test]
fn pangyo_plays_the_same_every_time_and_keeps_what_it_promises() {
    let incident = read(PANGYO);
    let (first, second) = (courses(&incident), courses(&incident));
    for (a, b) in first.iter().zip(&second) {
        assert_eq!((a.digest, &a.decisions), (b.digest, &b.decisions));
    }
    let judged = judge(&incident.expects, &first);
    assert!(judged.len() > 10 && judged.iter().all(|j| j.kept), "{judged:?}");
    let [built, recommended] = &first[..] else {
        panic!("two rooms")
    };
    for course in &first {
        let took = course.facts.reaction_ms().unwrap();
        assert!((0..=2_000).contains(&took), "{took} ms in {}", course.site);
    }
    assert!(
        recommended.facts.second_vote < built.facts.second_vote,
        "what one fits today hears it earlier"
    );
}

#[test]
fn a_promise_that_is_not_kept_is_broken() {
    let incident = read(&PANGYO.replace("evacuate hook by 15:19:32", "evacuate hook by 15:19:10"));
    let judged = judge(&incident.expects, &courses(&incident));
    let broken: Vec<_> = judged.iter().filter(|j| !j.kept).collect();
    assert_eq!(broken.len(), 1, "{judged:?}");
    assert_eq!(broken[0].site, "recommended");
}

/// No panel, no gas, no smoke: nothing votes, nothing is called, and the promises of a fire are broken.
#[test]
fn a_quiet_day_calls_no_hook() {
    let quiet = PANGYO
        .lines()
        .filter(|l| !l.starts_with("15:19:0") && !l.contains("ramp") && !l.contains("temperature 1"));
    let incident = read(
        &quiet
            .collect::<Vec<_>>()
            .join("\n")
            .replace("16:43:00 order", "# order"),
    );
    for course in courses(&incident) {
        assert_eq!(course.facts.first_vote, None, "{}", course.site);
        assert_eq!(course.facts.first_evacuate_hook, None);
    }
}

#[test]
fn a_hook_that_cannot_leaves_the_next_rung() {
    let text = PANGYO.replace("hook relocate takes 45s", "hook relocate cannot");
    let incident = read(&text);
    for course in courses(&incident) {
        assert_eq!(course.facts.safe.len(), 12, "{}", course.site);
        assert!(course.facts.safe.iter().all(|s| !s.runs()), "all are stopped cleanly");
    }
}

/// What is expected of a quiet day is kept; its opposite, of the same day, is broken.
#[test]
fn levels_and_troubles_are_judged_by_what_happened() {
    let head = "muster incident 1\ntitle t\nproves p\ndate 2026-01-01 +00:00\nbegin 10:00\nzero 10:01\nend 10:10\n\
                site built ../../gateway/examples/pangyo-as-built.toml\nhook relocate takes 45s | assumed: x\n\
                hook stopper takes 8s | assumed: x\n10:02 ups-1.on_battery 1 | assumed: x\n\
                10:03 ups-1.on_battery 0 | assumed: x\n10:05 bms lost | assumed: x\n10:06 bms heard | assumed: x\n";
    let course = &courses(&read(head))[0];
    let kept = |words: &str| {
        let judged = judge(
            &read(&format!("{head}expect {words}\n")).expects,
            std::slice::from_ref(course),
        );
        judged[0].kept
    };
    for words in [
        "no vote",
        "no evacuate hook",
        "level at most prepare",
        "level prepare by 10:02:02",
        "level normal at 10:01",
        "level prepare at 10:02:30",
        "level normal at 10:04",
        "trouble bms by 10:05",
    ] {
        assert!(kept(words), "{words}");
    }
    for words in [
        "first vote by 10:09",
        "level at most watch",
        "level evacuate by 10:09",
        "level prepare by 10:01:59",
        "level prepare at 10:04",
        "trouble bms by 10:04:59",
        "trouble ups-1 by 10:09",
        "no trouble",
    ] {
        assert!(!kept(words), "{words}");
    }
}
