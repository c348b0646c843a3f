//! STARTTLS, with a real upsd.

use super::server::{Upsd, certified};
use super::{is_heard, source, trouble};
use crate::stand::{Room, Stand};

async fn reading(port: u16, ca: &std::path::Path) -> Stand {
    let more = format!("ca = {ca:?}");
    Stand::start(Room::with(&["node-1"]).and(&source("ups", port, "bat", &more))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upsd_that_proves_its_name_is_read_and_another_is_not() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ca, lines) = certified(folder.path()).await;
    let (strange, _) = certified(other.path()).await;
    let upsd = Upsd::configured(&["bat"], |_| lines.clone()).await;
    let stand = reading(upsd.port, &ca).await;
    is_heard(&stand, "ups", "0.92").await;
    assert_eq!(stand.api.count("nut_tls").await, 0);
    let deceived = reading(upsd.port, &strange).await;
    let line = trouble(&deceived, "ups").await;
    assert!(
        line.contains("is not believed") && line.contains("invalid peer certificate"),
        "{line}"
    );
    deceived.api.until_count("nut_tls", 2).await;
    assert!(deceived.api.channel("ups.charge").await.value.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upsd_without_a_certificate_is_not_read_in_plain_where_one_is_demanded() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, _) = certified(folder.path()).await;
    let upsd = Upsd::with(&["bat"]).await;
    let stand = reading(upsd.port, &ca).await;
    let line = trouble(&stand, "ups").await;
    assert!(
        line.contains("refuses to encrypt") && line.contains("CERTFILE"),
        "{line}"
    );
    stand.api.until_count("nut_tls", 2).await;
    assert!(stand.api.channel("ups.charge").await.value.is_none());
}
