//! Two gateways, one journal.

use tempfile::TempDir;

use crate::site::acting_site::SiteText;
use crate::site::process::{Muster, muster};

fn site() -> SiteText {
    SiteText::new(true, 480)
        .hook("mover", "http://127.0.0.1:9/", 1)
        .workload("db", 1, &[], &[("stop", "mover", 5.0)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_gateway_on_the_same_journal_is_refused_and_the_first_goes_on() {
    let folder = TempDir::new().unwrap();
    let journal = folder.path().join("journal.db");
    let first = Muster::start(&site().write_with(folder.path(), "first", &journal)).await;
    let second = site().write_with(folder.path(), "second", &journal);
    let refused = muster(&["run", second.to_str().unwrap()]).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(64), "{said}");
    assert!(
        said.contains("journal.db") && said.contains("another process holds this journal"),
        "{said}"
    );
    assert_eq!(first.api.get("/healthz").await.0, 200);
    first.kill().await;
    // The lock dies with its holder, however it dies.
    let third = Muster::start(&second).await;
    assert_eq!(third.api.get("/healthz").await.0, 200);
    assert_eq!(third.terminate().await.0.code(), Some(0));
}
