//! The sweep by its own command: a minute of it in every run, all of it in the heavy tier. What it found is printed.

use std::process::{Command, Output};

use serde_json::Value;

fn testbed(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_muster-testbed"))
        .args(args)
        .output()
        .unwrap()
}

fn document(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// The reference room keeps its promises; time may be left out without a difference.
fn keeps_its_promises(fires: &str, years: &str, days: &str) {
    let output = testbed(&[
        "sweep",
        "--json",
        "--fires",
        fires,
        "--site-years",
        years,
        "--days",
        days,
    ]);
    let found = document(&output);
    println!("{found:#}");
    assert_eq!(output.status.code(), Some(0), "{found:#}");
    let reference = &found["rooms"][0];
    assert_eq!(
        (&reference["room"], &reference["as_promised"]),
        (&"reference".into(), &true.into())
    );
    let count = |part: &str, name: &str| reference[part][name].as_u64().unwrap();
    assert_eq!(count("fires", "missed") + count("years", "differ"), 0);
    assert!(count("years", "with_a_vote") > 0 && count("years", "checked_in_full") > 0);
}

#[test]
fn a_minute_of_the_sweep() {
    keeps_its_promises("7000", "60", "300");
}

#[test]
#[ignore = "heavy: 100 windows in full, 5,000 fires, 5,000 days and 300 years take up to 15 minutes"]
fn the_whole_sweep() {
    keeps_its_promises("5000", "300", "5000");
}

/// The reviewed table: what a choice costs. `MUSTER_REWRITE_EXPECTED=1` writes it anew; read the difference.
#[test]
#[ignore = "heavy: 18 choices take some minutes"]
fn the_table_is_the_reviewed_one() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/sweep/table.txt");
    let picture = concat!(env!("CARGO_MANIFEST_DIR"), "/sweep/table.svg");
    let rewrite = std::env::var_os("MUSTER_REWRITE_EXPECTED").is_some();
    let args: &[&str] = if rewrite {
        &["table", "--picture", picture]
    } else {
        &["table"]
    };
    let text = String::from_utf8(testbed(args).stdout).unwrap();
    if rewrite {
        std::fs::write(beside, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(beside).unwrap_or_default());
}

/// A sweep that could not find anything would find this: one vote cries wolf, blunt limits come late.
#[test]
fn one_vote_cries_wolf_and_the_sweep_hears_it() {
    let found = document(&testbed(&["table", "--json", "--fires", "140", "--site-years", "4"]));
    let row = |votes: u64, limits: &str| {
        let rows = found["rows"].as_array().unwrap();
        let is = |row: &&Value| row["room"] == "reference" && row["votes"] == votes && row["limits"] == limits;
        rows.iter().find(is).unwrap().clone()
    };
    let wrong = |votes| row(votes, "default")["false_a_century"].as_f64().unwrap();
    assert!(
        wrong(1) > 100.0 && wrong(2) < wrong(1) / 10.0,
        "{} {}",
        wrong(1),
        wrong(2)
    );
    let lead = |limits| row(2, limits)["lead_p50_s"].as_f64().unwrap();
    assert!(lead("half") >= lead("default") && lead("default") >= lead("double"));
}

#[test]
fn the_same_seed_gives_the_same_figures_on_any_number_of_threads() {
    let figures = |threads, seed| {
        let sized = ["--fires", "70", "--site-years", "2", "--days", "10"];
        let output = testbed(&[&["sweep", "--json", "--threads", threads, "--seed", seed], &sized[..]].concat());
        let mut found = document(&output);
        found["threads"].take();
        for room in found["rooms"].as_array_mut().unwrap() {
            for part in ["fires", "years", "days"] {
                room[part]["seconds"].take();
            }
        }
        found
    };
    assert_eq!(figures("1", "5"), figures("3", "5"));
    assert_ne!(figures("2", "5")["rooms"], figures("2", "6")["rooms"]);
}

#[test]
fn a_fire_that_is_named_can_be_read() {
    let output = testbed(&["fire", "3", "--room", "reference"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("evacuation") && text.contains("before the loss"),
        "{text}"
    );
    assert_eq!(testbed(&["fire", "3", "--room", "cellar"]).status.code(), Some(64));
}

/// Recorded room fires, where the recordings are: two detectors of one place vote with the first commercial alarms. That a
/// vote by two principles comes within 15 s of them is not reached with heat as the second; the figures are printed.
#[test]
fn recorded_room_fires_vote_with_the_first_alarms() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/nist-smoke-alarms");
    if !std::path::Path::new(folder).is_dir() {
        println!("skipped: there are no recordings at {folder}");
        return;
    }
    let output = testbed(&["recorded", folder]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{text}");
    let rows: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
        .collect();
    assert!(rows.len() >= 4, "{text}");
    for row in rows {
        let [alarm, rise, vote, same_place, diverse] = row[..] else {
            panic!("{text}");
        };
        assert!(vote >= rise, "before anything had risen: {text}");
        assert!(same_place <= alarm + 10.0 && diverse <= alarm + 75.0, "{text}");
    }
}
