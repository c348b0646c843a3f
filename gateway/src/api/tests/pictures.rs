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
        for i in 0..9 {
            let event = muster_core::Event { kind: muster_core::EventKind::Vote, level: muster_core::Level::Prepare, subject: "node-b3-1".into(), line: format!("node-b3-1 votes: smoke {i}.1 %/m at or above alarm 3.2 %/m, 2 of 3 samples") };
            let _ = stand.telling.send(Arc::new(crate::told::Told { id: 1001 + i, at: 0, wall_ms: stand.clock.wall_ms() + i * 1000, event }));
        }
        for (width, height) in [(1920, 1300), (360, 2600)] {
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
    let _ = std::fs::remove_file(file);
    let wait = std::env::var("SHOOT_WAIT").unwrap_or("2.5".into());
    let python = Command::new("python3").arg("/tmp/shoot.py").arg(url).arg(file).args([width.to_string(), height.to_string(), wait]).output();
    let output = timeout(Duration::from_secs(60), python).await.unwrap().unwrap();
    assert!(file.exists(), "{}", String::from_utf8_lossy(&output.stderr));
}
