//! kill -9 between a vote and its telling.

use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{lines, told, webhook};
use crate::site::acting_site::{SiteText, lasting_port};
use crate::site::alarm_node::both;
use crate::site::desk::Desk;
use crate::site::process::Muster;
use crate::site::talk;

/// Whether everything is out, as the file beside the journal says: no line is younger than what is kept.
async fn until_kept(folder: &TempDir, through: i64) {
    let path = folder.path().join("journal.db.told");
    talk::until("it is kept how far the place was told", || {
        let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        kept["chat"].as_i64().filter(|id| *id >= through)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_that_was_not_told_is_told_after_the_restart_and_only_once() {
    let (folder, port) = (TempDir::new().unwrap(), lasting_port());
    let site = SiteText::new(true, 480).and(&webhook("chat", &format!("http://127.0.0.1:{port}/"), ""));
    let config = site.write(folder.path(), "site");
    let first = Muster::start(&config).await;
    let mut nodes = both(first.mqtt, first.panel, 1);
    nodes[0].alarm().await;
    first.until_said("vote", "mqtt votes", 1).await;
    // Nobody listens there. The vote is on the disk once its trouble is said, two attempts later.
    first.until_said("trouble", "does not get out to chat", 1).await;
    first.kill().await;

    let desk = Desk::open_at(TcpListener::bind(("127.0.0.1", port)).await.unwrap(), |_| 200);
    let second = Muster::start(&config).await;
    let call = told(&desk, "vote").await;
    println!("told {} s late, after kill -9", call.event["data"]["late_s"]);
    let all = lines(&desk);
    assert!(
        all.iter().any(|(_, line)| line.starts_with("mqtt votes: n1.smoke")),
        "{all:?}"
    );
    assert!(
        all.iter().any(|(_, line)| line == "ansan-1 goes on after a restart"),
        "{all:?}"
    );
    until_kept(&folder, all.iter().map(|(id, _)| *id).max().unwrap()).await;
    second.kill().await;

    let votes = |desk: &Desk| {
        lines(desk)
            .iter()
            .filter(|(_, line)| line.starts_with("mqtt votes"))
            .count()
    };
    let before = votes(&desk);
    let third = Muster::start(&config).await;
    desk.until("the third start", |_| {
        lines(&desk).iter().filter(|(_, l)| l.contains("goes on after")).count() == 2
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(votes(&desk), before, "told again: {:?}", lines(&desk));
    drop(third);
}
