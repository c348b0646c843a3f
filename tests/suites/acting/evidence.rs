//! Calls off the wire, of every phase and mode, for others to judge.

use serde_json::Value;

use crate::site::acting_site::SiteText;
use crate::site::desk::Desk;
use crate::site::hosted::Hosted;

/// Every event of an incident that begins as a drill, goes on live, and runs in a simulation's time if asked.
pub(super) async fn events(speed: u32) -> Vec<Value> {
    let desk = Desk::willing().await;
    let site = SiteText::new(false, 4_800)
        .hook("mover", &desk.url, 4)
        .workload("db", 1, &[], &[("move", "mover", 60.0), ("stop", "mover", 5.0)])
        .workload("batch", 2, &[], &[("stop", "mover", 5.0)]);
    let mut hosted = Hosted::start_at(&site, speed).await;
    hosted.burn().await;
    hosted.api.until_all_safe().await;
    hosted.api.both_order("arm").await;
    desk.until("the last live verify", |c| {
        c.key.starts_with("ansan-1.batch") && c.word("phase") == "verify"
    })
    .await;
    hosted.api.until_all_safe().await;
    desk.calls().into_iter().map(|call| call.event).collect()
}
