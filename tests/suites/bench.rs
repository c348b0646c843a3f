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

async fn bench(folder: &Path, arguments: &[&str]) -> std::process::Output {
    let run = Command::new(muster())
        .arg("bench")
        .args(arguments)
        .arg("--folder")
        .arg(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(WITHIN, run).await.expect("it ends in time");
    ended.expect("the program runs; build it with `cargo build --release`")
}

fn report(output: &std::process::Output) -> serde_json::Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn events(row: &serde_json::Value) -> Option<u64> {
    row["total_us"]["n"].as_u64()
}

#[tokio::test]
async fn a_short_run_ends_well_and_prints_one_json_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = bench(folder.path(), &["--json", "--trials", "20", "--only", "latency"]).await;
    let report = report(&output);
    assert_eq!(report["schema"], 1);
    let rows = report["latency"].as_array().expect("rows");
    let trials: Vec<_> = rows.iter().map(events).collect();
    assert_eq!(trials, [Some(20), Some(10), Some(10)]);
    for row in rows {
        assert!(
            row["total_us"]["p50"].as_u64() > row["commit_us"]["p50"].as_u64(),
            "{row}"
        );
        assert!(row["less_commit_us"]["max"].as_u64() > Some(0), "{row}");
    }
    assert_eq!(report["rates"], serde_json::Value::Null);
    assert_eq!(report["peers"].as_array().map(Vec::len), Some(0), "nobody asked");
    let left = folder.path().read_dir().expect("the folder").count();
    assert_eq!(left, 0, "its journals are cleared away");
}

#[tokio::test]
async fn a_polled_contact_is_measured_beside_a_thousand_devices() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = bench(folder.path(), &["--json", "--trials", "20", "--only", "polled"]).await;
    let report = report(&output);
    let rows = report["polled"].as_array().expect("rows");
    assert_eq!(rows.len(), 2);
    for (row, devices) in rows.iter().zip([1.0, 1_000.0]) {
        assert_eq!(
            (row["devices"].as_f64(), events(row)),
            (Some(devices), Some(1)),
            "{row}"
        );
        // A tenth of what is due: whether it polls at all, on a machine that does other things as well.
        assert!(row["polls_per_s"].as_f64() > Some(devices), "{row}");
    }
}

#[tokio::test]
async fn fleets_are_measured_answer_by_answer_with_dead_devices_and_snmpd() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = bench(folder.path(), &["--json", "--trials", "20", "--only", "fleet"]).await;
    let report = report(&output);
    let rows = report["fleets"]["rows"].as_array().expect("rows");
    let missing = report["fleets"]["missing"].as_array().expect("lines");
    // The agents of the last two rows are snmpd; without it a line says so.
    assert_eq!(rows.len() + 2 * missing.len(), 4, "{report}");
    let counts: Vec<_> = rows
        .iter()
        .map(|row| (row["devices"].as_u64(), row["dead"].as_u64()))
        .collect();
    assert_eq!(counts[..2], [(Some(1_000), Some(0)), (Some(1_000), Some(10))]);
    for row in rows {
        // Whether it measures at all, on a machine that does other things as well: every answer counted has its time.
        let polls = row["polls"].as_u64().expect("a count");
        assert!(polls > 0 && row["polls_due"].as_u64() > Some(0), "{row}");
        assert_eq!(row["trip_us"]["n"].as_u64(), Some(polls), "{row}");
        assert!(
            row["rest_us"]["n"].as_u64() > Some(0) && row["period_us"]["p50"].as_u64() > Some(0),
            "{row}"
        );
        assert!(row["trip_us"]["p50"].as_u64() > Some(0), "{row}");
        assert_eq!(row["to_all_alive"].is_null(), row["dead"] == 0, "{row}");
    }
}

/// Chains of the peers as they are told, each with its rows.
const CHAINS: [(&str, usize); 3] = [("mosquitto_sub", 2), ("Node-RED", 4), ("NUT", 2)];

#[tokio::test]
async fn with_mosquitto_every_peer_has_its_rows_and_the_page_is_renewed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (page, svg) = (folder.path().join("page.md"), folder.path().join("picture.svg"));
    let shipped = include_str!("../../gateway/PERFORMANCE.md");
    let (head, rest) = shipped.split_once("<!-- figures: begin").expect("its first mark");
    let (mark, rest) = rest.split_once('\n').expect("a line");
    let (_, tail) = rest.split_once("<!-- figures: end -->").expect("its second mark");
    let emptied = format!("{head}<!-- figures: begin{mark}\nold figures\n<!-- figures: end -->{tail}");
    std::fs::write(&page, emptied).expect("a page");
    let (page_arg, svg_arg) = (page.to_str().expect("a path"), svg.to_str().expect("a path"));
    let arguments = [
        "--json", "--peers", "--trials", "8", "--only", "latency", "--write", page_arg, "--svg", svg_arg,
    ];
    let report = report(&bench(folder.path(), &arguments).await);
    let rows = report["peers"].as_array().expect("rows");
    for (chain, wanted) in CHAINS {
        let of_it = rows
            .iter()
            .filter(|row| row["chain"].as_str().is_some_and(|c| c.contains(chain)));
        assert_eq!(of_it.count(), wanted, "{chain}");
    }
    for row in rows {
        let why = row["missing"].as_str().unwrap_or_default();
        assert!(events(row) > Some(0) || why.starts_with("not installed"), "{row}");
        assert_eq!(events(row).is_some(), row["p50_to_muster"].is_number(), "{row}");
    }
    assert_eq!(events(&rows[0]), Some(4), "the one-liner is always there");
    let page = std::fs::read_to_string(page).expect("the page");
    assert!(page.starts_with(head) && page.ends_with(tail) && !page.contains("old figures"));
    assert!(page.contains("| mosquitto, mosquitto_sub"), "{page}");
    assert!(std::fs::read_to_string(svg).expect("the picture").contains("<circle"));
}

#[tokio::test]
async fn a_page_without_a_place_for_figures_is_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.md");
    std::fs::write(&page, "no marks here").expect("a page");
    let output = bench(
        folder.path(),
        &["--trials", "100000", "--write", page.to_str().expect("a path")],
    )
    .await;
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("has no place for figures"));
    assert_eq!(std::fs::read_to_string(&page).expect("the page"), "no marks here");
}
