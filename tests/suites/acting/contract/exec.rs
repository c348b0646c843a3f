//! Programs: the reference passes, what people get wrong is found, and the whole gateway calls them as it should.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Judged;
use crate::site::acting_site::{INCIDENT, SiteText, lasting_port};
use crate::site::alarm_node::both;
use crate::site::hosted::Hosted;
use crate::site::process::{Muster, document, muster};
use crate::site::receiver::examples;
use crate::site::talk::{self, state_of, step_of};

const STEP: &str = "db.move.evacuate.busan";

fn reference() -> String {
    examples().join("receiver.sh").display().to_string()
}

fn state(folder: &TempDir) -> String {
    folder.path().join("state").display().to_string()
}

/// How often each key stands in the reference's file.
fn effects(state: &str) -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(Path::new(state).join("live.effects")).unwrap_or_default();
    let mut counts = BTreeMap::new();
    for key in text.lines() {
        *counts.entry(key.to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_program_passes() {
    let folder = TempDir::new().unwrap();
    let (program, state) = (reference(), state(&folder));
    let judged = Judged::of(&["--", &program, &state]).await;
    judged.assert_passed(&["progress", "cut-off", "drill", "wrong-signature", "once"]);
    assert!(effects(&state).is_empty());
    let counted = format!("{state}/live.effects");
    let judged = Judged::of(&["--live", "--effects", &counted, "--", &program, &state, "1"]).await;
    judged.assert_passed(&["progress", "wrong-signature"]);
}

/// A minute of trying again would tell nobody that its folder was forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_its_arguments_is_given_up_at_once() {
    let since = muster::clock::Stopwatch::start();
    let judged = Judged::of(&["--", &reference()]).await;
    assert!(
        since.elapsed() < std::time::Duration::from_secs(30),
        "it was tried again and again"
    );
    assert_eq!((judged.code, judged.cases("fail")), (Some(1), vec!["prepare"]));
    let rest = judged.rest();
    assert!(
        rest.contains("called wrongly: exit 2: ") && rest.contains("usage: receiver.sh STATE-FOLDER"),
        "{rest}"
    );
}

/// Bodies of programs with one thing wrong each, the case that has to find it, and how it is tried. `$1` is a folder.
const FAULTS: [(&str, &str, &str, &[&str]); 7] = [
    ("takes every token", "exit 0", "old-token", &[]),
    ("says safe without looking", "exit 0", "verify-unmoved", &[]),
    ("gives up what it refuses", "exit 65", "prepare", &[]),
    ("never ends", "sleep 1000", "prepare", &[]),
    (
        "does it every time",
        "echo $MUSTER_ID >>$1/effects",
        "once",
        &["--live", "--effects"],
    ),
    (
        "takes drills for real",
        "grep -qx $MUSTER_ID $1/effects || echo $MUSTER_ID >>$1/effects",
        "once",
        &["--effects"],
    ),
    (
        "leaves its lock behind",
        "mkdir $1/$MUSTER_ID.lock || exit 75; sleep 0.5; rmdir $1/$MUSTER_ID.lock",
        "cut-off",
        &[],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_that_people_make_is_found() {
    for (what, body, case, how) in FAULTS {
        let folder = TempDir::new().unwrap();
        let program = folder.path().join("program.sh");
        std::fs::write(&program, body).unwrap();
        let (program, own) = (program.display().to_string(), folder.path().display().to_string());
        let counted = format!("{own}/effects");
        let mut arguments = vec!["--wait-s", "1"];
        arguments.extend(how);
        if how.contains(&"--effects") {
            arguments.push(&counted);
        }
        arguments.extend(["--", "/bin/sh", &program, &own]);
        Judged::of(&arguments).await.assert_found(what, case);
    }
}

/// A site whose `db` is moved by a program and stopped by another.
fn site(port: u16, argv: &[&str]) -> SiteText {
    SiteText::at_port(true, 480, port)
        .exec("mover", argv)
        .exec("stopper", &["/bin/true"])
        .workload("db", 1, &[], &[("move", "mover", 60.0), ("stop", "stopper", 1.0)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_saves_a_workload_and_its_progress_is_shown() {
    let folder = TempDir::new().unwrap();
    let state = state(&folder);
    let mut hosted = Hosted::start(&site(0, &[&reference(), &state, "4"])).await;
    hosted.burn().await;
    hosted
        .api
        .until("progress", |s| step_of(s, STEP)["percent"].as_u64() >= Some(25))
        .await;
    let status = hosted.api.until_all_safe().await;
    assert_eq!(state_of(&status, "db"), "moved");
    assert_eq!(step_of(&status, STEP)["attempts"], 1);
    // Its cordon takes as long, and was not waited for.
    assert_eq!(effects(&state), BTreeMap::from([(format!("{INCIDENT}.{STEP}"), 1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_or_is_broken_gives_way() {
    for (body, ends_as) in [
        ("[ $MUSTER_PHASE = evacuate ] && exit 65; exit 0", "cannot"),
        (
            "[ $MUSTER_PHASE = evacuate ] && { echo '{\"state\":\"refused\"}'; exit 1; }; exit 0",
            "refused",
        ),
    ] {
        let mut hosted = Hosted::start(&site(0, &["/bin/sh", "-c", body])).await;
        hosted.burn().await;
        hosted
            .api
            .until(ends_as, |s| step_of(s, STEP)["state"] == ends_as)
            .await;
    }
}

fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|text| !text.contains("State:\tZ"))
}

async fn until_pid(file: &Path) -> String {
    talk::until("the program runs", || {
        let text = std::fs::read_to_string(file).ok()?;
        text.ends_with('\n').then(|| text.trim().to_owned())
    })
    .await
}

/// A program that starts another one, says its number, and hangs.
fn hanging(file: &Path) -> String {
    format!(
        "[ $MUSTER_PHASE = evacuate ] || exit 0; sleep 1000 & echo $! >{}; wait",
        file.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_is_ended_with_its_children_and_the_last_rung_follows() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pid");
    let site = SiteText::new(true, 6)
        .exec("mover", &["/bin/sh", "-c", &hanging(&file)])
        .exec("stopper", &["/bin/true"])
        .workload("db", 1, &[], &[("move", "mover", 3.0), ("stop", "stopper", 1.0)]);
    let mut hosted = Hosted::start(&site).await;
    hosted.burn().await;
    let pid = until_pid(&file).await;
    assert!(is_alive(&pid));
    let status = hosted.api.until_all_safe().await;
    assert_eq!(state_of(&status, "db"), "stopped");
    assert_eq!(step_of(&status, STEP)["state"], "superseded");
    talk::until("it has been ended", || (!is_alive(&pid)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_leaves_nothing_running() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("pid");
    let config = site(lasting_port(), &["/bin/sh", "-c", &hanging(&file)]).write(folder.path(), "site");
    let gateway = Muster::start(&config).await;
    let mut nodes = both(gateway.mqtt, gateway.panel, 1);
    for node in &mut nodes {
        node.alarm().await;
    }
    let pid = until_pid(&file).await;
    let (status, _) = gateway.terminate().await;
    assert_eq!(status.code(), Some(0));
    talk::until("it has been ended", || (!is_alive(&pid)).then_some(())).await;
}

/// Every record of a kind in a journal.
async fn of_kind(journal: &Path, kind: &str) -> Vec<String> {
    let output = muster(&["journal", "--json", journal.to_str().unwrap()]).await;
    let records = document(&output)["entries"].as_array().unwrap().clone();
    let of = records.iter().filter(|entry| entry["record"]["kind"] == kind);
    of.map(|entry| entry["record"]["step"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_program_has_one_effect_and_its_intent_came_first() {
    let folder = TempDir::new().unwrap();
    let (state, journal) = (state(&folder), folder.path().join("journal.db"));
    let config: PathBuf = site(lasting_port(), &[&reference(), &state, "3"]).write(folder.path(), "site");
    let gateway = Muster::start(&config).await;
    let mut nodes = both(gateway.mqtt, gateway.panel, 1);
    for node in &mut nodes {
        node.alarm().await;
    }
    let lock = Path::new(&state).join(format!("{INCIDENT}.{STEP}.lock"));
    talk::until("the evacuation is under way", || lock.exists().then_some(())).await;
    gateway.kill().await;
    assert!(!effects(&state).contains_key(&format!("{INCIDENT}.{STEP}")));
    assert!(of_kind(&journal, "step_intent").await.iter().any(|step| step == STEP));
    let again = Muster::start(&config).await;
    let mut nodes = both(again.mqtt, again.panel, 2);
    for node in &mut nodes {
        node.alarm().await;
    }
    let end = again.api.until_all_safe().await;
    assert_eq!(state_of(&end, "db"), "moved");
    let effects = effects(&state);
    assert!(effects.contains_key(&format!("{INCIDENT}.{STEP}")), "{effects:?}");
    assert!(effects.values().all(|n| *n == 1), "{effects:?}");
}
