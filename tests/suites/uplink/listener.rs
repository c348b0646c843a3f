//! A node that only listens for its acknowledgements.

use muster_wire::senml::Pack;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::time::timeout;

use super::broker::Broker;
use super::watched::{HEALED, topic};

/// Connected and subscribed.
pub(super) struct Listener {
    events: EventLoop,
    _client: AsyncClient,
}

impl Listener {
    pub(super) async fn start(broker: &Broker) -> Self {
        let options = MqttOptions::new("listener", "127.0.0.1", broker.port);
        let (client, events) = AsyncClient::new(options, 10);
        client.subscribe(topic("ack"), QoS::AtLeastOnce).await.unwrap();
        let mut listener = Self {
            events,
            _client: client,
        };
        listener
            .next(|packet| matches!(packet, Packet::SubAck(_)).then_some(()))
            .await;
        listener
    }

    /// Waits until it is told of this pack, and never of one beyond it.
    pub(super) async fn until(&mut self, seq: u64) {
        let told = |packet: &Packet| {
            let Packet::Publish(publish) = packet else { return None };
            let mark = Pack::parse(&publish.payload).unwrap().header().mark.unwrap();
            assert!(mark.seq <= seq, "{mark:?}");
            (mark.seq == seq).then_some(())
        };
        self.next(told).await;
    }

    async fn next<T>(&mut self, is_it: impl Fn(&Packet) -> Option<T>) -> T {
        let found = timeout(HEALED, async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await.unwrap()
                    && let Some(found) = is_it(&packet)
                {
                    return found;
                }
            }
        });
        found.await.expect("it is not told")
    }
}
