//! The one file that names rumqttc, which is dormant: a line to a broker in MQTT 5, or in MQTT 3.1.1 if it speaks nothing
//! newer (nats-server).
//!
//! A line is one connection. Its library's state is dropped with it: what rumqttc keeps over a reconnect is where its
//! reported faults live (collisions that are never cleared, packet ids and topic aliases of another session), and we keep
//! what has to last ourselves.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::v5 as packets5;
use rumqttc::v5::{ConnectionError as Error5, StateError as State5};
use rumqttc::{ConnectReturnCode as Code4, ConnectionError as Error4, SubscribeReasonCode as Sub4};
use rumqttc::{NetworkOptions, TlsConfiguration, TlsError, Transport, v5};

/// From the first packet to the broker's answer to our login, name look-up and TLS included.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// The broker is asked for a sign of life so often; two that stay unanswered end the line.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Packets on their way out: more than the acknowledgements that a broker's window and `SURE` can make us owe.
const OUTGOING: usize = 4_096;
/// Messages of ours that the broker has not acknowledged yet.
const INFLIGHT: u16 = 256;
/// Messages the broker may have on their way to us without our acknowledgement (MQTT 5).
pub(super) const RECEIVE_MAX: u16 = 512;
/// Largest packet we let an MQTT 5 broker send. Large enough that a pack that is too large is counted and named by us.
const MAX_PACKET_BYTES: u32 = 64 * 1024;
/// The same for MQTT 3.1.1, where the broker cannot be told: a larger one would end the line, and come again.
const MAX_PACKET_BYTES_4: usize = 16 * 1024 * 1024;
/// How long the broker keeps what is for us while we are away (MQTT 5). Seconds. Longer than a restart takes; beyond it
/// nodes send again what we have not acknowledged, and old news would look like new.
const SESSION_S: u32 = 300;
/// Topic filters in one packet: a broker's own limit on a packet is far above it.
const FILTERS: usize = 20;

/// Version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speak {
    /// MQTT 5.
    V5,
    /// MQTT 3.1.1.
    V4,
}

impl Speak {
    /// The other one.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::V5 => Self::V4,
            Self::V4 => Self::V5,
        }
    }
}

/// Whom to call, and who we are.
pub(super) struct Dial {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) client_id: String,
    pub(super) login: Option<(String, String)>,
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
}

/// Why there is no line, or none any more.
#[derive(Debug)]
pub(super) struct Fault {
    /// For a person.
    pub(super) why: String,
    pub(super) kind: FaultKind,
}

/// What to make of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// The broker did not like the version, or hung up before it said anything.
    Version,
    /// Somebody else has connected with our client id.
    TakenOver,
    /// The line was well, and the broker has to send again what we had no place for.
    Owed,
    /// Anything else.
    Other,
}

/// A message from the broker.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    /// The broker had it in store.
    pub(super) retain: bool,
    /// The broker may have sent it before.
    pub(super) dup: bool,
    /// What its acknowledgement names; none for QoS 0.
    pub(super) pkid: Option<u16>,
}

/// What comes over a line.
pub(super) enum Heard {
    Message(Message),
    /// The broker's answer to some of our filters: those it refuses, with its reason.
    Subscribed(Vec<(String, String)>),
    /// The broker does not take what we publish.
    NotTaken(String),
    Nothing,
}

/// One connection.
pub(super) struct Line {
    events: Events,
    sender: Sender,
    asked: VecDeque<Vec<String>>,
    waiting: BTreeMap<u16, Vec<String>>,
}

enum Events {
    V5(Box<v5::EventLoop>),
    V4(Box<rumqttc::EventLoop>),
}

/// The sending end of a line; of no effect once the line has ended.
#[derive(Clone)]
pub(super) enum Sender {
    V5(v5::AsyncClient),
    V4(rumqttc::AsyncClient),
}

impl Sender {
    /// QoS 1, not retained. Waits while too much is on its way out; false if the line has ended.
    pub(super) async fn publish(&self, topic: &str, payload: Vec<u8>) -> bool {
        match self {
            Self::V5(client) => {
                let qos = v5::mqttbytes::QoS::AtLeastOnce;
                client.publish(topic, qos, false, payload).await.is_ok()
            }
            Self::V4(client) => {
                let qos = rumqttc::QoS::AtLeastOnce;
                client.publish(topic, qos, false, payload).await.is_ok()
            }
        }
    }

    /// Acknowledges a message, without waiting. What does not fit any more, and what is on a line that has ended, the broker
    /// sends again on the next.
    pub(super) fn acknowledge(&self, pkid: u16) {
        let _ = match self {
            Self::V5(client) => {
                let qos = v5::mqttbytes::QoS::AtLeastOnce;
                let publish = packets5::Publish {
                    pkid,
                    qos,
                    ..Default::default()
                };
                client.try_ack(&publish).is_ok()
            }
            Self::V4(client) => {
                let mut publish = rumqttc::Publish::new("", rumqttc::QoS::AtLeastOnce, []);
                publish.pkid = pkid;
                client.try_ack(&publish).is_ok()
            }
        };
    }
}

impl Line {
    /// Connects; also says whether the broker still had our session.
    pub(super) async fn open(dial: &Dial, speak: Speak) -> Result<(Self, bool), Fault> {
        let opened = tokio::time::timeout(CONNECT_WITHIN, async {
            match speak {
                Speak::V5 => open5(dial).await,
                Speak::V4 => open4(dial).await,
            }
        });
        opened.await.unwrap_or_else(|_| Err(silent()))
    }

    fn of(events: Events, sender: Sender) -> Self {
        Self {
            events,
            sender,
            asked: VecDeque::new(),
            waiting: BTreeMap::new(),
        }
    }

    pub(super) fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// Asks for these filters at QoS 1. The number of answers that will come; none if too much is on its way out.
    pub(super) fn subscribe(&mut self, filters: &[String]) -> Option<usize> {
        for chunk in filters.chunks(FILTERS) {
            let sent = match &self.sender {
                Sender::V5(client) => {
                    let qos = v5::mqttbytes::QoS::AtLeastOnce;
                    client
                        .try_subscribe_many(chunk.iter().map(|f| packets5::Filter::new(f, qos)))
                        .is_ok()
                }
                Sender::V4(client) => {
                    let filter = |f: &String| rumqttc::SubscribeFilter::new(f.clone(), rumqttc::QoS::AtLeastOnce);
                    client.try_subscribe_many(chunk.iter().map(filter)).is_ok()
                }
            };
            if !sent {
                return None;
            }
            self.asked.push_back(chunk.to_vec());
        }
        Some(filters.len().div_ceil(FILTERS))
    }

    /// The next thing to know. Never to be left waiting while there is a line: it is what keeps it.
    pub(super) async fn next(&mut self) -> Result<Heard, Fault> {
        match &mut self.events {
            Events::V5(events) => {
                let event = events.poll().await.map_err(|error| fault5(&error))?;
                Ok(self.heard5(event))
            }
            Events::V4(events) => {
                let event = events.poll().await.map_err(|error| fault4(&error))?;
                Ok(self.heard4(event))
            }
        }
    }

    fn heard5(&mut self, event: v5::Event) -> Heard {
        use packets5::{Packet, PubAckReason, SubscribeReasonCode};
        match event {
            v5::Event::Outgoing(rumqttc::Outgoing::Subscribe(pkid)) => self.sent(pkid),
            v5::Event::Incoming(Packet::SubAck(answer)) => {
                let refused = |code: &SubscribeReasonCode| match code {
                    SubscribeReasonCode::Success(_) => None,
                    code => Some(words(&format!("{code:?}"))),
                };
                self.answered(answer.pkid, answer.return_codes.iter().map(refused))
            }
            v5::Event::Incoming(Packet::PubAck(answer)) => match answer.reason {
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Heard::Nothing,
                reason => Heard::NotTaken(words(&format!("{reason:?}"))),
            },
            v5::Event::Incoming(Packet::Publish(p)) => Heard::Message(Message {
                topic: String::from_utf8_lossy(&p.topic).into_owned(),
                payload: p.payload.to_vec(),
                retain: p.retain,
                dup: p.dup,
                pkid: (p.pkid != 0).then_some(p.pkid),
            }),
            _ => Heard::Nothing,
        }
    }

    fn heard4(&mut self, event: rumqttc::Event) -> Heard {
        match event {
            rumqttc::Event::Outgoing(rumqttc::Outgoing::Subscribe(pkid)) => self.sent(pkid),
            rumqttc::Event::Incoming(rumqttc::Packet::SubAck(answer)) => {
                let refused = |code: &Sub4| matches!(code, Sub4::Failure).then(|| "it does not say why".to_owned());
                self.answered(answer.pkid, answer.return_codes.iter().map(refused))
            }
            rumqttc::Event::Incoming(rumqttc::Packet::Publish(p)) => Heard::Message(Message {
                payload: p.payload.to_vec(),
                retain: p.retain,
                dup: p.dup,
                pkid: (p.pkid != 0).then_some(p.pkid),
                topic: p.topic,
            }),
            _ => Heard::Nothing,
        }
    }

    fn sent(&mut self, pkid: u16) -> Heard {
        if let Some(filters) = self.asked.pop_front() {
            self.waiting.insert(pkid, filters);
        }
        Heard::Nothing
    }

    fn answered(&mut self, pkid: u16, codes: impl Iterator<Item = Option<String>>) -> Heard {
        let Some(filters) = self.waiting.remove(&pkid) else {
            return Heard::Nothing;
        };
        let refused = filters.into_iter().zip(codes);
        Heard::Subscribed(refused.filter_map(|(filter, why)| Some((filter, why?))).collect())
    }
}

async fn open5(dial: &Dial) -> Result<(Line, bool), Fault> {
    let mut options = v5::MqttOptions::new(&dial.client_id, &dial.host, dial.port);
    let mut properties = packets5::ConnectProperties::new();
    properties.session_expiry_interval = Some(SESSION_S);
    properties.receive_maximum = Some(RECEIVE_MAX);
    properties.max_packet_size = Some(MAX_PACKET_BYTES);
    options
        .set_connect_properties(properties)
        .set_clean_start(false)
        .set_keep_alive(KEEP_ALIVE)
        .set_manual_acks(true)
        .set_outgoing_inflight_upper_limit(INFLIGHT)
        .set_network_options(network())
        .set_transport(transport(dial));
    if let Some((user, password)) = &dial.login {
        options.set_credentials(user, password);
    }
    let (client, mut events) = v5::AsyncClient::new(options, OUTGOING);
    loop {
        let event = events.poll().await.map_err(|error| fault5(&error))?;
        if let v5::Event::Incoming(packets5::Packet::ConnAck(answer)) = event {
            let line = Line::of(Events::V5(Box::new(events)), Sender::V5(client));
            return Ok((line, answer.session_present));
        }
    }
}

async fn open4(dial: &Dial) -> Result<(Line, bool), Fault> {
    let mut options = rumqttc::MqttOptions::new(&dial.client_id, &dial.host, dial.port);
    options
        .set_clean_session(false)
        .set_keep_alive(KEEP_ALIVE)
        .set_manual_acks(true)
        .set_inflight(INFLIGHT)
        .set_max_packet_size(MAX_PACKET_BYTES_4, MAX_PACKET_BYTES_4)
        .set_transport(transport(dial));
    if let Some((user, password)) = &dial.login {
        options.set_credentials(user, password);
    }
    let (client, mut events) = rumqttc::AsyncClient::new(options, OUTGOING);
    events.set_network_options(network());
    loop {
        let event = events.poll().await.map_err(|error| fault4(&error))?;
        if let rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(answer)) = event {
            let line = Line::of(Events::V4(Box::new(events)), Sender::V4(client));
            return Ok((line, answer.session_present));
        }
    }
}

fn network() -> NetworkOptions {
    let mut network = NetworkOptions::new();
    // Without it three small packets in a row wait 40 ms for each other.
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_WITHIN.as_secs());
    network
}

fn transport(dial: &Dial) -> Transport {
    match &dial.tls {
        Some(tls) => Transport::tls_with_config(TlsConfiguration::Rustls(tls.clone())),
        None => Transport::tcp(),
    }
}

fn other(why: String) -> Fault {
    let kind = FaultKind::Other;
    Fault { why, kind }
}

fn silent() -> Fault {
    other(format!("it has not answered within {} s", CONNECT_WITHIN.as_secs()))
}

fn hung_up() -> Fault {
    let (why, kind) = ("it hung up without a word".into(), FaultKind::Version);
    Fault { why, kind }
}

fn fault5(error: &Error5) -> Fault {
    use packets5::ConnectReturnCode as Code;
    match error {
        Error5::Timeout(_) => silent(),
        Error5::Io(error) => other(io(error)),
        Error5::Tls(error) => other(tls(error)),
        Error5::ConnectionRefused(Code::UnsupportedProtocolVersion) => Fault {
            why: "it does not speak MQTT 5".into(),
            kind: FaultKind::Version,
        },
        Error5::ConnectionRefused(code) => other(format!("it refuses our login: {}", words(&format!("{code:?}")))),
        Error5::MqttState(State5::ServerDisconnect {
            reason_code,
            reason_string,
        }) => goodbye(*reason_code, reason_string.as_deref()),
        Error5::MqttState(State5::ConnectionAborted) => hung_up(),
        Error5::MqttState(State5::AwaitPingResp) => other("it does not answer any more".into()),
        // The answer of MQTT 3.1.1 to a login of MQTT 5 is no packet of MQTT 5.
        Error5::MqttState(State5::Deserialization(v5::mqttbytes::Error::Io(error))) => other(io(error)),
        Error5::MqttState(State5::Io(error)) => other(io(error)),
        Error5::MqttState(State5::Deserialization(error)) => Fault {
            why: format!("it sends what is no MQTT 5: {error}"),
            kind: FaultKind::Version,
        },
        error => other(error.to_string()),
    }
}

fn goodbye(reason: packets5::DisconnectReasonCode, said: Option<&str>) -> Fault {
    if reason == packets5::DisconnectReasonCode::SessionTakenOver {
        return Fault {
            why: "another client has connected with our client id".into(),
            kind: FaultKind::TakenOver,
        };
    }
    let said = said
        .map(|said| format!(" ({})", said.escape_debug()))
        .unwrap_or_default();
    other(format!(
        "it has ended the connection: {}{said}",
        words(&format!("{reason:?}"))
    ))
}

fn fault4(error: &Error4) -> Fault {
    use rumqttc::StateError as State4;
    match error {
        Error4::NetworkTimeout | Error4::FlushTimeout => silent(),
        Error4::Io(error) | Error4::MqttState(State4::Io(error)) => other(io(error)),
        Error4::Tls(error) => other(tls(error)),
        Error4::ConnectionRefused(Code4::RefusedProtocolVersion) => Fault {
            why: "it speaks neither MQTT 5 nor MQTT 3.1.1".into(),
            kind: FaultKind::Version,
        },
        Error4::ConnectionRefused(code) => other(format!("it refuses our login: {}", words(&format!("{code:?}")))),
        Error4::MqttState(State4::ConnectionAborted) => hung_up(),
        Error4::MqttState(State4::AwaitPingResp) => other("it does not answer any more".into()),
        Error4::MqttState(State4::Deserialization(rumqttc::mqttbytes::Error::Io(error))) => other(io(error)),
        error => other(error.to_string()),
    }
}

fn tls(error: &TlsError) -> String {
    match error {
        TlsError::Io(error) => io(error),
        error => format!("TLS: {error}"),
    }
}

/// A refused certificate arrives as an error of input and output; what is inside is what helps.
fn io(error: &std::io::Error) -> String {
    use rustls::CertificateError as Cert;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(Cert::UnknownIssuer | Cert::BadSignature)) => {
            "its certificate is not signed by the CA we trust (`ca`): refused".into()
        }
        Some(rustls::Error::InvalidCertificate(fault)) => format!("its certificate is refused: {fault}"),
        Some(rustls::Error::AlertReceived(alert)) => {
            format!(
                "it refuses our certificate, or that we have none (`cert`, `key`): {}",
                words(&format!("{alert:?}"))
            )
        }
        Some(error) => format!("TLS: {error}"),
        None => error.to_string(),
    }
}

/// `NotAuthorized` as people write it.
fn words(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(letter.to_lowercase());
    }
    text
}
