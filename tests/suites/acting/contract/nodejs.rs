//! The reference receiver in Node.

use tempfile::TempDir;

use super::Judged;
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
        let mut receiver = Some(Receiver::in_node(folder.path(), work_s, None).await);
        let url = receiver.as_ref().unwrap().url.clone();
        let effects = format!("{url}effects");
        let restart = async |_: &mut String| {
            let port = receiver.take().unwrap().kill().await;
            receiver = Some(Receiver::in_node(folder.path(), work_s, Some(port)).await);
        };
        let judged = Judged::with_input(&[&url, "--live", "--restart", "--effects", &effects], restart).await;
        let not_seen: &[&str] = if work_s == "0" {
            &["progress", "cut-off"]
        } else {
            &["cut-off"]
        };
        judged.assert_passed(not_seen);
    }
}
