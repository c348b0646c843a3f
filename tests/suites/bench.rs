//! `muster bench` as people run it, short: whether it measures at all. Its figures are for a machine that does nothing else.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

/// 30 trials take a second or two; the rest is for a machine that is busy with other tests.
const WITHIN: Duration = Duration::from_secs(120);

/// The gateway's own program, beside the tests' in the build folder.
fn muster() -> std::path::PathBuf {
    let tests = std::env::current_exe().expect("the tests' own path");
    let built = tests.parent().and_then(Path::parent).expect("the build folder");
    built.join("muster")
}

#[tokio::test]
async fn a_short_run_ends_well_and_prints_one_json_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = Command::new(muster())
        .args(["bench", "--json", "--trials", "20", "--only", "latency", "--folder"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(WITHIN, run).await.expect("it ends in time");
    let output = ended.expect("the program runs; build it with `cargo build --release`");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["schema"], 1);
    let rows = report["latency"].as_array().expect("rows");
    let trials: Vec<_> = rows.iter().map(|row| row["total_us"]["n"].as_u64()).collect();
    assert_eq!(trials, [Some(20), Some(5), Some(5)]);
    for row in rows {
        assert!(
            row["total_us"]["p50"].as_u64() > row["commit_us"]["p50"].as_u64(),
            "{row}"
        );
        assert!(row["less_commit_us"]["max"].as_u64() > Some(0), "{row}");
    }
    assert_eq!(report["rates"], serde_json::Value::Null);
    let left = folder.path().read_dir().expect("the folder").count();
    assert_eq!(left, 0, "its journals are cleared away");
}
