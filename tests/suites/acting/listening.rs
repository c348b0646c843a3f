//! Whoever listens to events misses none and gets none twice, over a kill and a new start.

use std::path::Path;

use muster::journal::Reader;

use crate::site::acting_site::{SiteText, lasting_port};
use crate::site::alarm_node::both;
use crate::site::hosted::Hosted;
use crate::site::listener::{Heard, Listener};
use crate::site::process::Muster;
use crate::site::talk::until;

fn ids(heard: &[Heard]) -> Vec<i64> {
    assert!(heard.iter().all(|h| h.name.is_empty()), "a gap: {heard:#?}");
    heard.iter().map(|h| h.id.unwrap()).collect()
}

fn says(words: &'static str) -> impl Fn(&Heard) -> bool {
    move |heard| heard.data["line"].as_str().is_some_and(|line| line.contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_or_doubled_over_a_kill() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = SiteText::at_port(true, 480, lasting_port()).write(folder.path(), "site");
    let muster = Muster::start(&config).await;
    let mut listener = Listener::after(&muster.api, "/api/v1/events", 0).await;
    let mut nodes = both(muster.mqtt, muster.panel, 1);
    for node in &mut nodes {
        node.alarm().await;
    }
    let mut heard = listener.until(says("prepare -> evacuate")).await;
    // A kill before the first line is on disk takes even the ids with it; then a gap is said, rightly.
    let journal = folder.path().join("journal.db");
    until("a line on disk", || Reader::open(&journal).ok()?.events(0).ok()?.pop()).await;
    muster.kill().await;
    while listener.next().await.is_some() {}
    assert!(listener.broken, "a kill ends nothing in order");

    let again = Muster::start(&config).await;
    let last = heard.last().unwrap().id.unwrap();
    let mut listener = Listener::after(&again.api, "/api/v1/events", last).await;
    again
        .api
        .order(crate::site::acting_site::ANNA, &serde_json::json!({ "verb": "reset" }))
        .await;
    heard.extend(listener.until(says("refused: a vote is still held")).await);

    let heard = ids(&heard);
    assert!(heard.is_sorted_by(|a, b| a < b), "each once, in order: {heard:?}");
    let (status, _) = again.terminate().await;
    assert!(status.success());
    // A stop ends the stream; then the journal has all that was told.
    while listener.next().await.is_some() {}
    all_of_the_journal(&journal, &heard);
}

/// Up to the last that was heard.
fn all_of_the_journal(path: &Path, heard: &[i64]) {
    let stored = Reader::open(path).unwrap().events(0).unwrap();
    let stored = stored
        .iter()
        .map(|event| event.id)
        .filter(|id| Some(id) <= heard.last());
    let missed: Vec<i64> = stored.filter(|id| !heard.contains(id)).collect();
    assert!(!heard.is_empty() && missed.is_empty(), "missed: {missed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stops_ends_its_streams_in_order() {
    let hosted = Hosted::start(&SiteText::new(false, 480)).await;
    let mut listener = Listener::after(&hosted.api, "/api/v1/events", 0).await;
    let since = muster::clock::Stopwatch::start();
    let (_, ended) = tokio::join!(hosted.gateway.stop(), async {
        while listener.next().await.is_some() {}
        since.elapsed()
    });
    assert!(ended.as_secs() < 2 && !listener.broken, "{ended:?}");
}
