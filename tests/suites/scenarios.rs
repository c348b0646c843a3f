//! Every incident file of `tests/scenarios`: what comes out is what stands beside it, to the letter, and was reviewed.
//! After a change that is meant, `MUSTER_REWRITE_EXPECTED=1` writes it anew; read the difference before you commit it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::site::process::{document, muster, muster_within};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect()
}

#[tokio::test]
async fn every_scenario_comes_out_as_reviewed() {
    let files = files();
    assert!(!files.is_empty());
    for path in files {
        let output = muster(&["replay", path.to_str().unwrap()]).await;
        let text = String::from_utf8(output.stdout).unwrap();
        let beside = path.with_extension("expected");
        if std::env::var_os("MUSTER_REWRITE_EXPECTED").is_some() {
            std::fs::write(&beside, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&beside).unwrap_or_default();
        let first = text.lines().zip(expected.lines()).find(|(now, then)| now != then);
        assert!(
            text == expected,
            "{} differs from what was reviewed, first here:\n{first:#?}\nMUSTER_REWRITE_EXPECTED=1 writes it anew",
            beside.display()
        );
        assert_eq!(output.status.code(), Some(0), "every expectation is kept");
    }
}

#[tokio::test]
async fn a_scenario_as_json_has_both_versions_both_rooms_and_the_lead() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/pangyo-2022.txt");
    let output = muster(&["replay", "--json", path.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(0));
    let document = document(&output);
    assert_eq!((&document["schema"], &document["verdict"]), (&1.into(), &"kept".into()));
    let names = |list: &str, name: &str| -> Vec<String> {
        let all = document[list].as_array().unwrap();
        all.iter().map(|v| v[name].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("versions", "name"), ["operator", "tenant"]);
    assert_eq!(names("rooms", "room"), ["as-built", "recommended"]);
    for room in document["rooms"].as_array().unwrap() {
        let took = room["figures"]["second_vote_to_evacuate_hook_ms"].as_i64().unwrap();
        assert!((0..=2_000).contains(&took));
        assert_eq!(room["lead"]["people"].as_array().unwrap().len(), 2);
        assert!(!room["decisions"].as_array().unwrap().is_empty());
    }
}

/// Every figure of the incident files at once: none is broken, no hook that cannot be taken back comes later than 2 s after
/// the second vote, and no trap calls one.
#[tokio::test]
async fn several_scenarios_are_one_table() {
    let files = files();
    let mut words = vec!["replay", "--json"];
    words.extend(files.iter().map(|path| path.to_str().unwrap()));
    // Sixty rooms one after another.
    let output = muster_within(&words, Duration::from_secs(180)).await;
    assert_eq!(output.status.code(), Some(0));
    let document = document(&output);
    assert_eq!((&document["schema"], &document["verdict"]), (&1.into(), &"kept".into()));
    let table = document["table"].as_array().unwrap();
    assert_eq!(
        (table.len(), document["files"].as_array().unwrap().len()),
        (files.len(), files.len())
    );
    let traps = table
        .iter()
        .filter(|row| row["file"].as_str().unwrap().contains("/trap-"));
    assert!(traps.clone().count() >= 12);
    for room in traps.flat_map(|row| row["rooms"].as_array().unwrap()) {
        assert!(
            room["second_vote_to_evacuate_hook_ms"].is_null() && room["level"] != "evacuate",
            "{room}"
        );
    }
    let all = table.iter().flat_map(|row| row["rooms"].as_array().unwrap());
    let took: Vec<_> = all
        .filter_map(|room| room["second_vote_to_evacuate_hook_ms"].as_i64())
        .collect();
    assert!(
        took.len() >= 10 && took.iter().all(|ms| (0..=2_000).contains(ms)),
        "{took:?}"
    );
}

#[tokio::test]
async fn one_broken_file_of_several_is_named_and_an_unreadable_one_is_usage() {
    let folder = tempfile::TempDir::new().unwrap();
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../scenarios")
        .canonicalize()
        .unwrap();
    let blip = scenarios.join("utility-blip.txt");
    let text = std::fs::read_to_string(&blip).unwrap();
    let text = text.replace(" rooms/", &format!(" {}/rooms/", scenarios.display()));
    let broken = folder.path().join("broken.txt");
    std::fs::write(&broken, text + "expect recommended level at most watch\n").unwrap();
    let output = muster(&["replay", blip.to_str().unwrap(), broken.to_str().unwrap()]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let row = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(row("utility-blip.txt").contains("kept, all"), "{text}");
    assert!(row("broken.txt").contains("BROKEN, 1 of"), "{text}");
    assert!(
        text.contains("recommended level at most watch (it was prepare)"),
        "{text}"
    );
    assert!(text.contains("1 of 2 files kept"), "{text}");
    for (other, why) in [
        ("/nowhere", "/nowhere does not exist"),
        (folder.path().to_str().unwrap(), "is no incident file"),
    ] {
        let output = muster(&["replay", blip.to_str().unwrap(), other]).await;
        assert_eq!(output.status.code(), Some(64));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(why), "{said}");
    }
    std::fs::write(&broken, "fire!\n").unwrap();
    let output = muster(&["replay", blip.to_str().unwrap(), broken.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("broken.txt:1"));
}

#[tokio::test]
async fn a_broken_promise_is_a_finding_and_nonsense_is_usage() {
    let folder = tempfile::TempDir::new().unwrap();
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap();
    let text = std::fs::read_to_string(scenarios.join("tests/scenarios/pangyo-2022.txt")).unwrap();
    let text = text.replace("../../", &format!("{}/", scenarios.display()));
    let broken = folder.path().join("broken.txt");
    std::fs::write(
        &broken,
        text.replace("first vote by 15:19:05", "first vote by 15:19:00"),
    )
    .unwrap();
    let output = muster(&["replay", broken.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("BROKEN"));
    let nonsense = folder.path().join("nonsense.txt");
    std::fs::write(&nonsense, "fire!\n").unwrap();
    for path in [nonsense.to_str().unwrap(), "/nowhere", folder.path().to_str().unwrap()] {
        let output = muster(&["replay", path]).await;
        assert_eq!(output.status.code(), Some(64), "{path}");
        assert!(!output.stderr.is_empty());
    }
}
