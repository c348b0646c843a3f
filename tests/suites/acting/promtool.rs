//! `/metrics`, judged by Prometheus' own tool.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::shown;

/// promtool reads the older format, where the head of a counter has its suffix, and there is no end.
fn in_the_older_format(text: &str) -> String {
    let counters: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let older = |line: &str| {
        let mut words = line.splitn(4, ' ');
        let head = (words.next(), words.next(), words.next(), words.next());
        match head {
            (Some("#"), Some(what), Some(name), rest) if counters.contains(&name) => {
                format!("# {what} {name}_total {}\n", rest.unwrap_or_default())
            }
            (Some("#"), Some("EOF"), ..) => String::new(),
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(older).collect()
}

async fn judge(text: &str) -> (bool, String) {
    let mut tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = tool.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).await.unwrap();
    drop(stdin);
    let judged = timeout(Duration::from_secs(30), tool.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    let said = [judged.stdout, judged.stderr].concat();
    (judged.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_named_and_written_as_prometheus_wants_them() {
    let (hosted, _desk) = shown::in_the_middle().await;
    let (code, text) = hosted.api.get("/metrics").await;
    assert_eq!(code, 200);
    for name in [
        "muster_smoke_obscuration_ratio_per_meter{",
        "muster_contact{",
        "muster_sample_age_seconds{",
        "muster_source_up{",
        "muster_evacuation_duration_seconds{",
        "muster_view_age_seconds{",
    ] {
        assert!(
            text.lines().any(|line| line.starts_with(name)),
            "{name} is not in\n{text}"
        );
    }
    let (well, said) = judge(&in_the_older_format(&text)).await;
    assert!(well && said.is_empty(), "{said}");
    let (well, said) = judge("# HELP a_ms b\n# TYPE a_ms gauge\na_ms 1\n").await;
    assert!(!well && said.contains("a_ms"), "the tool finds nothing: {said}");
}
