//! One connection to a broker by rumqttc, for one event and its answers. Everything that knows the crate is in here.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rumqttc::Transport;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    Filter, Packet, PubAck, PubAckReason, Publish, PublishProperties, RetainForwardRule, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ClientError, ConnectionError, Event, EventLoop, MqttOptions};

use crate::config::Connect;

/// A broker that says nothing for twice this is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Bytes of a packet that we take: an answer is at most 4 KiB, and carries a signature.
const MAX_PACKET: u32 = 16 * 1_024;
/// What waits for us to send; one is under way at a time.
const REQUESTS: usize = 4;
/// Answers that come before the broker's own word; older ones give way.
const EARLY: usize = 8;
/// An event that a receiver has not fetched for so long is not for it any more: its signature is too old by then.
const EXPIRES_S: u32 = 5 * 60;
/// Saying goodbye.
const GOODBYE: Duration = Duration::from_millis(500);

/// Why there is no connection, or no longer.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("no randomness for a client id: {0}")]
    Random(getrandom::Error),
    #[error("{path} cannot be read: {source}", path = path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the connection to the broker: {0}")]
    Connection(#[source] Box<ConnectionError>),
    #[error("cannot be asked for: {0}")]
    Request(#[source] Box<ClientError>),
    #[error("the broker refuses the subscription to the answers: {0:?}")]
    Subscription(SubscribeReasonCode),
    #[error("nobody is subscribed to the topic")]
    NobodyListens,
    #[error("the broker refuses the event: {0:?}")]
    Refused(PubAckReason),
    #[error("the broker ends the connection: {0}")]
    Goodbye(String),
}

/// A payload and its user properties.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) payload: Vec<u8>,
    pub(super) properties: Vec<(String, String)>,
}

/// Dropping it cuts the connection.
pub(super) struct Link {
    client: AsyncClient,
    events: EventLoop,
    early: VecDeque<Message>,
}

impl Link {
    /// Ready to connect, as a client that nobody else is.
    pub(super) fn open(broker: &Connect, hook: &str, connect: Duration) -> Result<Self, LinkError> {
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(LinkError::Random)?;
        let id = format!("muster-{hook}-{:08x}", u32::from_be_bytes(random));
        let host = if broker.host.contains(':') {
            format!("[{}]", broker.host)
        } else {
            broker.host.clone()
        };
        let mut options = MqttOptions::new(id, host, broker.port);
        options
            .set_clean_start(true)
            .set_keep_alive(KEEP_ALIVE)
            .set_max_packet_size(Some(MAX_PACKET))
            .set_connection_timeout(connect.as_secs().max(1))
            .set_request_channel_capacity(REQUESTS);
        if let Some((user, password)) = &broker.login {
            options.set_credentials(user, String::from_utf8_lossy(&password.0));
        }
        if broker.tls {
            options.set_transport(tls(broker)?);
        }
        let (client, events) = AsyncClient::new(options, REQUESTS);
        Ok(Self {
            client,
            events,
            early: VecDeque::new(),
        })
    }

    /// Subscribes, and waits until the broker has said yes. What was retained there is old and not asked for.
    pub(super) async fn subscribe(&mut self, topic: &str) -> Result<(), LinkError> {
        let mut filter = Filter::new(topic, QoS::AtLeastOnce);
        filter.retain_forward_rule = RetainForwardRule::Never;
        self.client
            .try_subscribe_many([filter])
            .map_err(|cause| LinkError::Request(Box::new(cause)))?;
        loop {
            let Packet::SubAck(answer) = self.poll().await? else {
                continue;
            };
            let refused = answer
                .return_codes
                .into_iter()
                .find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
            return refused.map_or(Ok(()), |code| Err(LinkError::Subscription(code)));
        }
    }

    /// Publishes, and waits until the broker has it and somebody is subscribed to it.
    pub(super) async fn publish(&mut self, topic: &str, answers: &str, message: Message) -> Result<(), LinkError> {
        let properties = PublishProperties {
            payload_format_indicator: Some(1),
            message_expiry_interval: Some(EXPIRES_S),
            content_type: Some("application/cloudevents+json".into()),
            response_topic: Some(answers.to_owned()),
            user_properties: message.properties,
            ..PublishProperties::default()
        };
        self.client
            .try_publish_with_properties(topic, QoS::AtLeastOnce, false, message.payload, properties)
            .map_err(|cause| LinkError::Request(Box::new(cause)))?;
        loop {
            match self.poll().await? {
                Packet::PubAck(answer) => return taken(&answer),
                Packet::Publish(answer) => {
                    if self.early.len() == EARLY {
                        self.early.pop_front();
                    }
                    self.early.push_back(message_of(&answer));
                }
                _ => {}
            }
        }
    }

    /// The next answer.
    pub(super) async fn next(&mut self) -> Result<Message, LinkError> {
        if let Some(message) = self.early.pop_front() {
            return Ok(message);
        }
        loop {
            if let Packet::Publish(answer) = self.poll().await? {
                return Ok(message_of(&answer));
            }
        }
    }

    /// Leaves, so that the broker need not wonder.
    pub(super) async fn close(mut self) {
        if self.client.try_disconnect().is_ok() {
            let _ = tokio::time::timeout(GOODBYE, async { while self.poll().await.is_ok() {} }).await;
        }
    }

    /// The next packet. After an error it is not called again: that would connect anew, and send what was sent.
    async fn poll(&mut self) -> Result<Packet, LinkError> {
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(Packet::Disconnect(goodbye))) => {
                    return Err(LinkError::Goodbye(format!("{:?}", goodbye.reason_code)));
                }
                Ok(Event::Incoming(packet)) => return Ok(packet),
                Ok(Event::Outgoing(_)) => {}
                Err(cause) => return Err(LinkError::Connection(Box::new(cause))),
            }
        }
    }
}

fn taken(answer: &PubAck) -> Result<(), LinkError> {
    match answer.reason {
        PubAckReason::Success => Ok(()),
        PubAckReason::NoMatchingSubscribers => Err(LinkError::NobodyListens),
        reason => Err(LinkError::Refused(reason)),
    }
}

fn message_of(publish: &Publish) -> Message {
    let properties = publish.properties.as_ref();
    Message {
        payload: publish.payload.to_vec(),
        properties: properties.map_or_else(Vec::new, |p| p.user_properties.clone()),
    }
}

fn tls(broker: &Connect) -> Result<Transport, LinkError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| LinkError::File {
            path: path.to_owned(),
            source,
        })
    };
    // The config has seen to it that there is one.
    let ca = broker.ca.as_deref().map(read).transpose()?.unwrap_or_default();
    let identity = match &broker.identity {
        Some((cert, key)) => Some((read(cert)?, read(key)?)),
        None => None,
    };
    Ok(Transport::tls(ca, identity, None))
}
