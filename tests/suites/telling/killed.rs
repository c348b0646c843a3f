//! kill -9 between a vote and its telling.

use std::path::Path;

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

/// A vote that cannot be told, for nobody listens there; then kill -9. It is on the disk once its trouble is said, two
/// attempts later.
async fn votes_and_dies(config: &Path) {
    let muster = Muster::start(config).await;
    let mut nodes = both(muster.mqtt, muster.panel, 1);
    nodes[0].alarm().await;
    muster.until_said("vote", "mqtt votes", 1).await;
    muster.until_said("trouble", "does not get out to chat", 1).await;
    muster.kill().await;
}

fn count(desk: &Desk, words: &str) -> usize {
    lines(desk).iter().filter(|(_, line)| line.starts_with(words)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_that_was_not_told_is_told_after_the_restart_and_only_once() {
    let (folder, port) = (TempDir::new().unwrap(), lasting_port());
    let site = SiteText::new(true, 480).and(&webhook("chat", &format!("http://127.0.0.1:{port}/"), ""));
    let config = site.write(folder.path(), "site");
    votes_and_dies(&config).await;

    let desk = Desk::open_at(TcpListener::bind(("127.0.0.1", port)).await.unwrap(), |_| 200);
    let second = Muster::start(&config).await;
    let call = told(&desk, "vote").await;
    println!("told {} s late, after kill -9", call.event["data"]["late_s"]);
    assert_eq!(count(&desk, "mqtt votes: n1.smoke"), 1, "{:?}", lines(&desk));
    let goes_on = "ansan-1 goes on after a restart";
    desk.until(goes_on, |_| count(&desk, goes_on) == 1).await;
    until_kept(&folder, lines(&desk).iter().map(|(id, _)| *id).max().unwrap()).await;
    second.kill().await;

    let third = Muster::start(&config).await;
    desk.until("the third start", |_| count(&desk, goes_on) == 2).await;
    // A message that was told again would have come before this one.
    assert_eq!(count(&desk, "mqtt votes"), 1, "{:?}", lines(&desk));
    drop(third);
}
