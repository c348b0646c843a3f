//! Other people's devices at our own broker, as mosquitto's clients.

use tokio::process::Command;
use tokio::time::timeout;

use super::watched::{NODE, pack, topic};
use crate::stand::{Room, SOON, Stand};

const SENSOR: &str = "[[source]]\nid = \"rack-7\"\nkind = \"mqtt-json\"\nclient = \"DVES_3C01B5\"\n\
                      topic = \"tele/rack-7/SENSOR\"\navailability_topic = \"tele/rack-7/LWT\"\nzone = \"room\"\nreport_s = 10\n\
                      [[channel]]\nsource = \"rack-7\"\nsignal = \"/t\"\nquantity = \"temperature\"\nk = 1\nn = 1\n";

/// `mosquitto_pub` as this client; whether its message was acknowledged without a refusal.
async fn publish(stand: &Stand, client: &str, topic: &str, payload: &str, more: &[&str]) -> bool {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", "127.0.0.1", "-p", &stand.mqtt().to_string(), "-i", client]);
    command
        .args(["-q", "1", "-t", topic, "-m", payload])
        .args(more)
        .kill_on_drop(true);
    timeout(SOON, command.status())
        .await
        .expect("mosquitto_pub hangs")
        .unwrap()
        .success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_says_what_the_config_expects_of_it_and_nothing_else() {
    let stand = Stand::start(Room::with(&[NODE]).and(SENSOR)).await;
    let (client, heat) = ("DVES_3C01B5", "tele/rack-7/SENSOR");
    let will = [
        "--will-topic",
        "tele/rack-7/LWT",
        "--will-payload",
        "Offline",
        "--will-retain",
    ];
    assert!(publish(&stand, client, heat, "{\"t\":21.5}", &will).await);
    let shows = async |value: &str| {
        let is_it = |c: &muster_core::ChannelView| c.value.as_deref() == Some(value);
        stand
            .api
            .until_channel("rack-7.temperature", "it is heard", is_it)
            .await;
    };
    shows("21.5").await;
    // It asks for everything to be kept; here it is live.
    assert!(publish(&stand, client, heat, "{\"t\":22.5}", &["-r"]).await);
    shows("22.5").await;
    assert_eq!(stand.api.dropped().await, []);

    // Its topic by somebody else, somebody else's by it, a stranger, a will on a node's state, and an ear on everybody.
    publish(&stand, NODE, heat, "{\"t\":90}", &[]).await;
    publish(&stand, client, &topic("alarm"), &pack(1, 90.0), &[]).await;
    publish(&stand, "DVES_000000", heat, "{\"t\":90}", &[]).await;
    let will = ["--will-topic", &topic("state"), "--will-payload", "offline"];
    publish(&stand, client, heat, "{\"t\":90}", &will).await;
    stand.api.until_count("identity", 4).await;
    stand.assert_undecided("messages of those who may not");
    shows("22.5").await;

    publish(&stand, client, "tele/rack-7/LWT", "Offline", &[]).await;
    let lost = |v: &muster_core::View| v.troubles.iter().any(|t| t.subject.starts_with("rack-7"));
    stand.until("it is offline", lost).await;
    assert!(publish(&stand, client, heat, "{\"t\":90}", &[]).await);
    stand.until("a vote", |v| v.votes.len() == 1).await;
}
