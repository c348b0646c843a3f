//! SIGTERM in the middle of an evacuation.

use std::time::Duration;

use super::story::{Story, entries, of_kind};
use crate::site::alarm_node::both;

#[tokio::test(flavor = "multi_thread")]
async fn stopped_in_the_middle_it_ends_well_and_goes_on() {
    let story = Story::new().await;
    let muster = story.start().await;
    let mut nodes = both(muster.mqtt, 1);
    for node in &mut nodes {
        node.alarm().await;
    }
    muster.until_said("workload", "safe", 1).await;
    let (status, took) = muster.terminate().await;
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    let journal = entries(&story.journal_path()).await;
    let (begun, ended) = (
        of_kind(&journal, "step_intent").len(),
        of_kind(&journal, "step_ended").len(),
    );
    assert!(
        begun > ended,
        "the evacuation was over before the stop: {begun} begun, {ended} ended"
    );
    story.goes_on_and_ends_well("stopped").await;
}
