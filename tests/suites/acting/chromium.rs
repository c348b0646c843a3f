//! The page, drawn by a browser in the middle of an evacuation.

use std::time::Duration;

use tokio::process::Command;

use super::shown;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_drawn_at_evacuate() {
    let (hosted, _desk) = shown::in_the_middle().await;
    // Kept where a person can look at it, if the environment says where.
    let kept = std::env::var_os("MUSTER_PICTURES").map(std::path::PathBuf::from);
    let file = kept
        .unwrap_or_else(|| hosted.folder().to_path_buf())
        .join("evacuate-live.png");
    let _ = std::fs::remove_file(&file);
    let drawn = browse(hosted.api.base(), &[format!("--screenshot={}", file.display())]).await;
    let picture = std::fs::read(&file).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&drawn.stderr)));
    assert!(picture.starts_with(b"\x89PNG"));
    assert!(picture.len() > 40_000, "{} bytes: an empty page", picture.len());
    let page = browse(hosted.api.base(), &["--dump-dom".into()]).await;
    let text = String::from_utf8_lossy(&page.stdout);
    for words in [
        "EVACUATE",
        "LOSS",
        "CUT",
        "n1",
        "1 of 3 safe",
        "db.move.evacuate.busan",
        "40 %",
    ] {
        assert!(text.contains(words), "{words} is not on the page:\n{text}");
    }
    assert!(!text.contains("NO CONTACT WITH MUSTER</div>"));
}

async fn browse(url: &str, how: &[String]) -> std::process::Output {
    let profile = tempfile::TempDir::new().unwrap();
    let chromium = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--hide-scrollbars",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--window-size=1400,1200", "--virtual-time-budget=2500"])
        .args(how)
        .arg(format!("{url}/"))
        .kill_on_drop(true)
        .output();
    tokio::time::timeout(Duration::from_secs(60), chromium)
        .await
        .unwrap()
        .unwrap()
}
