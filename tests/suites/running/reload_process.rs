//! SIGHUP, as an operator sees it.

use serde_json::Value;

use crate::stand::{Process, Room, SOON};

/// Two nodes of a plain listener are one group; the room says that one is enough.
fn text(nodes: &[&str], more: &str) -> String {
    let hook = ([127, 0, 0, 1], 9).into();
    format!("{}{more}", Room::with(nodes).text(hook))
}

async fn until(process: &Process, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let since = muster::clock::Stopwatch::start();
    loop {
        let status = process.api.status().await;
        if is_so(&status) {
            return status;
        }
        assert!(since.elapsed() < SOON, "not within {SOON:?}: {what}; {status:#}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn says(status: &Value, words: &str) -> bool {
    let troubles = status["troubles"].as_array().unwrap();
    troubles.iter().any(|t| t["line"].as_str().unwrap().contains(words))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_config_is_refused_loudly_and_a_good_one_taken() {
    let process = Process::of(&text(&["a"], "")).await;
    process.edit(&text(&["a", "b"], "[[zone]]\nid = \"room\"\n[typo]\n"));
    process.signal("HUP").await;
    let status = until(&process, "the refusal", |s| says(s, "refused")).await;
    assert!(says(&status, "the old one stays in force"), "{status:#}");
    let log = process.log();
    assert!(
        log.contains("typo") && log.contains("room") && log.contains("muster.toml:"),
        "every fault, where it is: {log}"
    );
    assert_eq!(process.api.channels().await.len(), 2, "nothing of it was taken");
    process.edit("not TOML");
    process.signal("HUP").await;
    process.edit(&text(&["a", "b"], ""));
    process.signal("HUP").await;
    until(&process, "the good one", |s| !says(s, "refused")).await;
    assert_eq!(process.api.channels().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_gone_is_refused_too_and_a_hail_of_signals_ends_well() {
    let process = Process::of(&text(&["a"], "")).await;
    process.edit("");
    for _ in 0..20 {
        process.signal("HUP").await;
    }
    until(&process, "the refusal", |s| says(s, "refused")).await;
    process.edit(&text(&["a", "b", "c"], ""));
    for _ in 0..20 {
        process.signal("HUP").await;
    }
    until(&process, "the last one", |s| !says(s, "refused")).await;
    assert_eq!(process.api.channels().await.len(), 6);
    process.signal("TERM").await;
    assert!(process.end().await.success());
}

/// Who has reloaded reads what is new, each warning once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_warned_of_is_not_repeated() {
    let process = Process::of(&text(&["a"], "")).await;
    let warnings = || process.log().matches(": warning: ").count();
    let before = warnings();
    assert!(before > 0, "{}", process.log());
    process.edit(&text(&["a"], "# a line more\n[store]\nretention_days = 30\n"));
    process.signal("HUP").await;
    until(&process, "the reload", |_| {
        process.log().contains(" as before; `muster check ")
    })
    .await;
    assert_eq!(warnings(), before, "{}", process.log());
}
