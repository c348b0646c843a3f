//! A disk with little room is trouble before it is full.

use muster::gateway::Gateway;
use tokio::time::timeout;

use crate::site::disk::Disk;
use crate::stand::{Catcher, Room, SOON};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn little_room_is_said_and_holds_nothing_up() {
    let Some(disk) = Disk::in_memory(20 * 1_024) else {
        return;
    };
    let config = Room::with(&["a"]).config(disk.path(), Catcher::start().await.address);
    let gateway = Gateway::start(&config, None, Box::new(|_, _| {})).await.unwrap();
    let mut view = gateway.view.clone();
    let said = view.wait_for(|v| {
        v.troubles
            .iter()
            .any(|t| t.subject == "disk" && t.line.contains("MiB are left"))
    });
    timeout(SOON, said).await.expect("nothing is said").unwrap();
    gateway.stop().await;
}
