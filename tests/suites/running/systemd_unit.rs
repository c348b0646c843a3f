//! The unit, read by systemd's own tools.

use std::path::{Path, PathBuf};

use tokio::process::Command;

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway/packaging/muster.service")
}

async fn analyze(arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).arg(unit()).kill_on_drop(true);
    let output = tokio::time::timeout(crate::stand::SOON, command.output())
        .await
        .unwrap()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn nothing_in_it_is_unknown_to_systemd() {
    let (_, said) = analyze(&["verify", "--man=no"]).await;
    let faults: Vec<&str> = said
        .lines()
        .filter(|l| l.contains("muster.service") && !l.contains("/usr/bin/muster is not executable"))
        .collect();
    assert!(faults.is_empty(), "{faults:?}");
}

/// 0 is the best, 10 the worst; a unit that says nothing has 9.6.
#[tokio::test]
async fn it_exposes_little() {
    let (well, said) = analyze(&["security", "--offline=true", "--threshold=15", "--no-pager"]).await;
    assert!(well, "beyond 1.5: {said}");
}

#[test]
fn the_decision_loop_is_watched_and_a_start_never_given_up() {
    let text = std::fs::read_to_string(unit()).unwrap();
    let value = |key: &str| {
        text.lines()
            .find_map(|l| l.strip_prefix(key)?.strip_prefix('='))
            .unwrap_or_else(|| panic!("{key}"))
    };
    assert!(value("WatchdogSec").parse::<u32>().unwrap() <= 10);
    assert_eq!((value("Restart"), value("StartLimitIntervalSec")), ("always", "0"));
    assert_eq!(value("Type"), "notify");
    assert!(value("TimeoutStopSec").parse::<u32>().unwrap() > 10);
}
