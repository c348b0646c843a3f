//! The other side of the wire: paho clients, packs, and a canary.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use muster_core::Level;
use serde_json::{Value, json};

use crate::stand::{Api, SITE, SOON, Script, Stand};

/// Seconds: short enough that nothing waits for it, long enough for a busy machine.
const KEEP_ALIVE_S: u16 = 30;

/// A topic of a node.
pub(super) fn topic(node: &str, kind: &str) -> String {
    format!("muster/v1/{SITE}/{node}/{kind}")
}

/// A JSON pack; `records` is what follows boot and seq, with a comma between two.
pub(super) fn pack(node: &str, boot: u64, seq: u64, records: &str) -> Vec<u8> {
    format!(r#"[{{"bn":"{node}:","n":"boot","v":{boot}}},{{"n":"seq","v":{seq}}},{records}]"#).into_bytes()
}

/// A record of the off-gas sensor: 30 ppm is its alarm limit.
pub(super) fn voc(ppm: f64) -> String {
    format!(r#"{{"n":"voc","u":"ppm","v":{ppm}}}"#)
}

/// A record of the heat sensor.
pub(super) fn heat(celsius: f64) -> String {
    format!(r#"{{"n":"temperature","u":"Cel","v":{celsius}}}"#)
}

/// A client of paho, which nobody here wrote.
pub(super) struct Paho {
    script: Script,
    /// What the broker said to the login.
    pub(super) login: Said,
}

/// What became of a command.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) connected: bool,
    pub(super) reason: String,
}

impl Said {
    fn of(answer: &Value) -> Self {
        Self {
            connected: answer["connected"].as_bool().unwrap(),
            reason: answer["reason"].as_str().unwrap().to_owned(),
        }
    }
}

impl Paho {
    /// Connects, and must be let in. `version` is 4 (MQTT 3.1.1) or 5.
    pub(super) async fn connect(port: u16, id: &str, version: u8) -> Self {
        let paho = Self::login(port, id, version, json!({})).await;
        assert!(paho.login.connected, "{id}: {:?}", paho.login);
        paho
    }

    /// Tries to connect, with more options of the script.
    pub(super) async fn login(port: u16, id: &str, version: u8, more: Value) -> Self {
        let mut options = json!({"port": port, "id": id, "version": version, "keepalive": KEEP_ALIVE_S});
        options
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let mut script = Script::start("inputs/paho_client.py", &options);
        let login = Said::of(&script.hear().await);
        Self { script, login }
    }

    /// Publishes with QoS 1 and waits for the answer to it, or for the connection's end.
    pub(super) async fn publish(&mut self, topic: &str, payload: &[u8], retain: bool) -> Said {
        let payload = STANDARD.encode(payload);
        let command = json!({"publish": topic, "payload": payload, "qos": 1, "retain": retain});
        Said::of(&self.script.ask(&command).await)
    }

    /// As [`Paho::publish`], and it must be acknowledged.
    pub(super) async fn send(&mut self, topic: &str, payload: &[u8]) {
        let said = self.publish(topic, payload, false).await;
        assert!(said.connected && said.reason == "Success", "{said:?}");
    }

    pub(super) async fn subscribe(&mut self, filter: &str) -> Said {
        Said::of(&self.script.ask(&json!({"subscribe": filter})).await)
    }

    /// Waits for the end of its connection.
    pub(super) async fn until_disconnected(&mut self) -> Said {
        let said = Said::of(&self.script.ask(&json!({"until": "disconnected"})).await);
        assert!(!said.connected, "it is still connected: {said:?}");
        said
    }

    /// `kill -9`: no farewell, its will is sent.
    pub(super) async fn kill(self) {
        self.script.kill().await;
    }
}

/// A node that is well: as long as it is heard and its vote counts, whatever happens beside it has lost nothing.
pub(super) struct Canary {
    paho: Paho,
    seq: u64,
}

impl Canary {
    /// Its id in the config.
    pub(super) const ID: &str = "canary";

    pub(super) async fn connect(port: u16) -> Self {
        Self {
            paho: Paho::connect(port, Self::ID, 5).await,
            seq: 0,
        }
    }

    /// As [`Canary::connect`], with more options of the script.
    pub(super) async fn proven(port: u16, more: &Value) -> Self {
        let paho = Paho::login(port, Self::ID, 5, more.clone()).await;
        assert!(paho.login.connected, "{:?}", paho.login);
        Self { paho, seq: 0 }
    }

    /// It is heard on both lanes; whatever was published before on either has been looked at by then.
    pub(super) async fn is_heard(&mut self, api: &Api) {
        for kind in ["data", "alarm"] {
            self.seq += 1;
            let celsius = 20.0 + self.seq as f64 / 1_000.0;
            let payload = pack(Self::ID, 1, self.seq, &format!("{},{}", heat(celsius), voc(0.5)));
            self.paho.send(&topic(Self::ID, kind), &payload).await;
            let is_new = |value: &Option<String>| {
                let shown: Option<f64> = value.as_ref().and_then(|v| v.parse().ok());
                shown.is_some_and(|v| (v - celsius).abs() < 1e-6)
            };
            api.until_channel("canary.temperature", "the canary is heard", |c| is_new(&c.value))
                .await;
        }
    }

    /// Sends an alarm.
    pub(super) async fn alarm(&mut self) {
        self.seq += 1;
        let payload = pack(Self::ID, 1, self.seq, &voc(100.0));
        self.paho.send(&topic(Self::ID, "alarm"), &payload).await;
    }

    /// Nothing was decided so far; then its own alarm is a vote, the only one, and evacuates nothing.
    pub(super) async fn alone_votes(&mut self, stand: &Stand, after: &str) -> Duration {
        self.is_heard(&stand.api).await;
        stand.assert_undecided(after);
        let since = muster::clock::Stopwatch::start();
        self.alarm().await;
        let (view, _) = stand
            .within(SOON, "the canary's vote", |v| {
                v.votes.iter().any(|vote| vote.group == Self::ID)
            })
            .await;
        let took = since.elapsed();
        assert_eq!(view.votes.len(), 1, "after {after}: {:?}", view.votes);
        assert_eq!(view.level, Level::Prepare, "after {after}: {}", view.why);
        let evacuates = stand
            .catcher
            .calls()
            .iter()
            .any(|call| call.word("phase") == "evacuate");
        assert!(!evacuates, "after {after}: one vote evacuated");
        took
    }
}
