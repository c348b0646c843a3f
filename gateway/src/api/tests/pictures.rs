//! The page as an operator sees it. Draws PNG files with a headless Chromium into `$MUSTER_PICTURES`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use muster_core::View;
use tokio::process::Command;
use tokio::time::{interval, timeout};

use super::stand::Stand;
use super::story;

type Moment = fn(i64) -> View;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium; look at the pictures"]
async fn draw() {
    let folder = std::env::var("MUSTER_PICTURES").unwrap();
    let moments: [(&str, Moment); 4] = [
        ("normal", story::normal),
        ("trouble", story::trouble),
        ("prepare", story::prepare),
        ("evacuate", story::evacuate),
    ];
    for (name, moment) in moments {
        let stand = Stand::with(moment).await;
        if name == "prepare" {
            stand.clock.set_speed(10);
        }
        let (clock, view) = (stand.clock.clone(), stand.view.clone());
        let engine = tokio::spawn(async move {
            let began = clock.now();
            let mut beat = interval(Duration::from_millis(100));
            loop {
                beat.tick().await;
                let mut next = moment(began);
                next.now = clock.now();
                view.send_replace(Arc::new(next));
            }
        });
        for (width, height) in [(1920, 1200), (390, 1800)] {
            let file = Path::new(&folder).join(format!("{name}-{width}.png"));
            shoot(&stand.url("/"), &file, width, height).await;
        }
        engine.abort();
    }
    let silent = Stand::with(story::evacuate).await;
    silent
        .view
        .send_replace(Arc::new(story::evacuate(silent.clock.now() - 9_000)));
    shoot(
        &silent.url("/"),
        &Path::new(&folder).join("silent-1920.png"),
        1920,
        1200,
    )
    .await;
}

async fn shoot(url: &str, file: &Path, width: u32, height: u32) {
    // An older picture must not pass for this one.
    let _ = std::fs::remove_file(file);
    let chromium = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--hide-scrollbars",
        ])
        .arg(format!("--window-size={width},{height}"))
        .arg("--virtual-time-budget=2500")
        .arg(format!("--screenshot={}", file.display()))
        .arg(url)
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_secs(60), chromium).await.unwrap().unwrap();
    assert!(file.exists(), "{}", String::from_utf8_lossy(&output.stderr));
}
