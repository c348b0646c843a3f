//! The reference receiver in Node.

use tempfile::TempDir;

use super::{Judged, passes_for_real_and_over_a_kill};
use crate::site::receiver::Receiver;

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_in_node_passes_as_a_drill() {
    let folder = TempDir::new().unwrap();
    let receiver = Receiver::in_node(folder.path(), "0.05", None).await;
    Judged::of(&[&receiver.url])
        .await
        .assert_passed(&["cut-off", "drill", "restart", "once"]);
    assert!(receiver.calls().iter().all(|call| call.mode == "drill"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receiver_in_node_passes_for_real_and_over_a_kill() {
    for work_s in ["0", "0.05"] {
        let folder = TempDir::new().unwrap();
        let start = async |port| Receiver::in_node(folder.path(), work_s, port).await;
        passes_for_real_and_over_a_kill(work_s, start).await;
    }
}
