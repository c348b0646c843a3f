//! A node that says how much smoke there is, by MQTT over TCP.

use std::net::SocketAddr;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, MqttOptions};

use super::acting_site::SITE;

/// A connected node. Dropping it cuts its connection.
pub(crate) struct AlarmNode {
    client: AsyncClient,
    id: String,
    boot: u64,
    seq: u64,
    network: tokio::task::JoinHandle<()>,
}

impl AlarmNode {
    /// Connects, and goes on connecting.
    pub(crate) fn new(broker: SocketAddr, id: &str, boot: u64) -> Self {
        let mut options = MqttOptions::new(id, broker.ip().to_string(), broker.port());
        options.set_keep_alive(Duration::from_secs(60));
        let (client, mut events) = AsyncClient::new(options, 64);
        let network = tokio::spawn(async move {
            loop {
                if events.poll().await.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
        Self {
            client,
            id: id.into(),
            boot,
            seq: 0,
            network,
        }
    }

    /// Far above the alarm limit.
    pub(crate) async fn alarm(&mut self) {
        self.seq += 1;
        let (id, boot, seq) = (&self.id, self.boot, self.seq);
        let pack = format!(
            r#"[{{"bn":"{id}:","n":"boot","v":{boot}}},{{"n":"seq","v":{seq}}},{{"n":"smoke","u":"%/m","v":20}}]"#
        );
        let topic = format!("muster/v1/{SITE}/{id}/alarm");
        self.client.publish(topic, QoS::AtLeastOnce, false, pack).await.unwrap();
    }
}

impl Drop for AlarmNode {
    fn drop(&mut self) {
        self.network.abort();
    }
}

/// Both nodes of the site, connected for the `boot`th time.
pub(crate) fn both(broker: SocketAddr, boot: u64) -> [AlarmNode; 2] {
    super::acting_site::NODES.map(|id| AlarmNode::new(broker, id, boot))
}
