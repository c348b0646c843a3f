//! `muster capture` of a UPS behind upsd and `muster sim` of the recording, read by NUT's own `upsc`; and what only the
//! result of a self-test tells.

use std::path::Path;
use std::time::Duration;

use muster_core::Level;
use tokio::process::Command;
use tokio::time::timeout;

use super::server::{Upsd, dump};
use super::{is_heard, source};
use crate::agents::snmpsim::output;
use crate::stand::{Room, SOON, Stand, Tape, begin, run_to_end};

/// What `upsc` prints, without what it says about itself.
async fn upsc(port: u16, more: &[&str]) -> String {
    let ups = format!("bat@localhost:{port}");
    output("upsc", &[&[ups.as_str()], more].concat()).await
}

fn lines(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let said = text.lines().filter(|line| !line.starts_with('#'));
    said.map(|line| format!("{line}\n")).collect()
}

async fn capture(port: u16, out: &Path, more: &[&str]) {
    let address = format!("localhost:{port}");
    let first = ["capture", &address, "--kind", "nut", "--out", out.to_str().unwrap()];
    let said = run_to_end(&[&first[..], more].concat()).await;
    assert_eq!(said.status.code(), Some(0), "{said:?}");
}

/// Waits until this stands in a file.
async fn holds(file: &Path, what: &str) {
    let reads = async {
        while !std::fs::read_to_string(file).is_ok_and(|text| text.contains(what)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, reads)
        .await
        .unwrap_or_else(|_| panic!("never said: {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_answers_as_its_ups_and_recorded_again_is_the_same() {
    let mut upsd = Upsd::with(&["bat"]).await;
    let names = "ups.serial: 0815\nups.id: Anna's\nups.alarm: a \"b\" \\c\n";
    upsd.says_all("bat", &(dump("OL", 92) + names));
    let folder = tempfile::tempdir().unwrap();
    let is_new = async { while !upsc(upsd.port, &[]).await.contains("0815") {} };
    timeout(SOON, is_new).await.unwrap();
    for more in [&["--with-names"][..], &[]] {
        let [one, two] = [1, 2].map(|n| folder.path().join(format!("{}.{n}", more.len())));
        capture(upsd.port, &one, more).await;
        let tape = Tape::play(&one, &["--ups", "bat"]).await;
        let port = tape.address.port();
        capture(port, &two, more).await;
        assert_eq!(lines(&one), lines(&two));
        let is_named = ["ups.serial: 0815", "ups.id: Anna's"].map(|name| lines(&one).contains(name));
        assert_eq!(is_named, [!more.is_empty(); 2]);
        // What a driver was told may be a password.
        let kept =
            |line: &&str| !line.starts_with("driver.parameter") && (!more.is_empty() || lines(&one).contains(*line));
        let original = upsc(upsd.port, &[]).await;
        let original: Vec<&str> = original.lines().filter(kept).collect();
        assert_eq!(upsc(port, &[]).await, original.join("\n"));
        let alarm = upsc(upsd.port, &["ups.alarm"]).await;
        assert_eq!(upsc(port, &["ups.alarm"]).await, alarm);
        assert_eq!(output("upsc", &["-l", &format!("localhost:{port}")]).await, "bat");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_kept_and_an_interrupted_recording_is_whole() {
    let mut upsd = Upsd::with(&["bat", "spare"]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tape");
    let address = format!("localhost:{}", upsd.port);
    let first = ["capture", &address, "--kind", "nut", "--out", file.to_str().unwrap()];
    let which = run_to_end(&first).await;
    assert_eq!(which.status.code(), Some(64));
    let said = String::from_utf8(which.stderr).unwrap();
    assert!(said.contains("--ups bat, --ups spare"), "{said}");

    let mut recording = begin(&[&first[..], &["--ups", "bat", "--for", "600"]].concat());
    holds(&file, "ups.status: OL CHRG").await;
    upsd.says("bat", "OB DISCHRG", 80);
    holds(&file, "ups.status: OB DISCHRG").await;
    upsd.kill_driver("bat").await;
    holds(&file, "DRIVER-NOT-CONNECTED").await;
    let id = recording.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().await;
    assert!(sent.unwrap().success());
    assert_eq!(recording.wait().await.unwrap().code(), Some(0));
    let decoded = run_to_end(&["profile", "test", "nut/ups", "--capture", file.to_str().unwrap()]).await;
    let shown = String::from_utf8(decoded.stdout).unwrap();
    assert!(shown.contains("on_battery                   YES"), "{shown}");
}

/// UPSes whose drivers have no word for a self-test in `ups.status`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_self_test_that_only_its_result_tells_is_no_power_cut() {
    let mut upsd = Upsd::with(&["bat"]).await;
    let stand = Stand::start(Room::with(&["node-1"]).and(&source("ups", upsd.port, "bat", ""))).await;
    is_heard(&stand, "ups", "0.92").await;
    upsd.says_all("bat", &(dump("OB DISCHRG", 77) + "ups.test.result: In progress\n"));
    is_heard(&stand, "ups", "0.77").await;
    upsd.says_all(
        "bat",
        &(dump("OB LB DISCHRG", 33) + "ups.test.result: Battery test in progress\n"),
    );
    is_heard(&stand, "ups", "0.33").await;
    let shown = stand.api.channel("ups.on_battery").await;
    assert_eq!((shown.value.as_deref(), shown.quality.as_str()), (Some("0"), "good"));
    stand.assert_undecided("a self-test");
    upsd.says_all("bat", &(dump("OB DISCHRG", 30) + "ups.test.result: Done and passed\n"));
    let view = stand.until("prepare", |v| v.level == Level::Prepare).await;
    assert!(view.why.contains("ups.on_battery"), "{}", view.why);
    assert!(!stand.evacuates());
}
