//! Keeps the line: connects, subscribes, hears, proves that it lives, and begins anew when it has ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::answers::Answers;
use super::guard;
use super::hands::Hands;
use super::pause::Pause;
use super::port::{Dial, Fault, FaultKind, Heard, Line, Message, Sender, Speak};
use super::pulse::Pulse;
use super::voice::Voice;
use super::vouch::Voucher;
use crate::clock::Stopwatch;
use crate::config::Connect;
use crate::lanes::Mark;
use crate::lines::with_causes;
use crate::sources::mqtt::acks::{Waiting, ack};
use crate::sources::tls;

/// What a broker has refused is asked for again after this: somebody may have mended its rules.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(10);

/// Everything that outlives a line.
pub(super) struct Keeper {
    pub(super) connect: Connect,
    pub(super) client_id: String,
    pub(super) site: String,
    pub(super) filters: Vec<String>,
    /// What the broker understood last.
    pub(super) speak: Speak,
    pub(super) pulse: Pulse,
    pub(super) hands: Hands,
    pub(super) voice: Voice,
    pub(super) acks: Arc<Waiting>,
    /// The last acknowledgement of each node: said again on each new line, as an old one may have taken it along.
    pub(super) told: BTreeMap<Arc<str>, Mark>,
}

impl Keeper {
    /// Runs until it is dropped.
    pub(super) async fn keep(mut self) {
        let mut pause = Pause::new();
        loop {
            let mut since = None;
            let fault = guard::unbroken(self.one_line(&mut since)).await;
            let fault = fault.unwrap_or_else(|| other("the MQTT library broke on what it sent"));
            let well_for = since.map_or(Duration::ZERO, |since: Stopwatch| since.elapsed());
            if fault.kind != FaultKind::Owed {
                self.voice.down(&fault.why).await;
            }
            tokio::time::sleep(pause.after(well_for, fault.kind)).await;
        }
    }

    /// One line from beginning to end; `since` is when it was first well.
    async fn one_line(&mut self, since: &mut Option<Stopwatch>) -> Fault {
        let (mut line, kept) = match self.open().await {
            Ok(opened) => opened,
            Err(fault) => return fault,
        };
        self.hands.begin(kept);
        self.told.values().for_each(|mark| self.acks.put(mark));
        // Also where the session was kept: the config may be another, and a broker may have lost a part.
        let Some(missing) = line.subscribe(&self.filters) else {
            return other("more subscriptions than can be asked for at once");
        };
        let answers = watch::channel(Answers::of(missing)).0;
        let sender = line.sender();
        let Self {
            pulse,
            hands,
            voice,
            acks,
            told,
            site,
            ..
        } = self;
        let voucher = Voucher {
            backlog: hands.backlog(),
            pulse,
            sender: &sender,
            answers: &answers,
            voice,
            since,
        };
        let fault = tokio::select! {
            fault = hear(&mut line, (pulse, hands), &answers) => fault,
            fault = voucher.vouch() => fault,
            () = tell(&sender, site, acks, told) => other("the line does not take what we send"),
        };
        self.explained(fault)
    }

    /// Brokers of MQTT 3.1.1, and mosquitto of any, hang up on whoever is taken over.
    fn explained(&self, fault: Fault) -> Fault {
        if fault.kind != FaultKind::Version {
            return fault;
        }
        let id = &self.client_id;
        let why = format!(
            "{} (was it stopped, or has another client our client id, {id}?)",
            fault.why
        );
        Fault { why, ..fault }
    }

    /// In the version it understood last, then in the other one.
    async fn open(&mut self) -> Result<(Line, bool), Fault> {
        let dial = self.dial()?;
        match Line::open(&dial, self.speak).await {
            Err(fault) if fault.kind == FaultKind::Version => {
                let speak = self.speak.other();
                let opened = Line::open(&dial, speak).await.map_err(|_| fault)?;
                self.speak = speak;
                Ok(opened)
            }
            opened => opened,
        }
    }

    fn dial(&self) -> Result<Dial, Fault> {
        let connect = &self.connect;
        let login = connect.login.as_ref();
        let tls = || tls::client(connect.ca.as_deref(), connect.identity.as_ref());
        Ok(Dial {
            host: connect.host.clone(),
            port: connect.port,
            client_id: self.client_id.clone(),
            login: login.map(|(user, password)| (user.clone(), String::from_utf8_lossy(&password.0).into_owned())),
            tls: connect
                .tls
                .then(tls)
                .transpose()
                .map_err(|fault| other(&with_causes(&fault)))?,
        })
    }
}

pub(super) fn other(why: &str) -> Fault {
    Fault {
        why: why.into(),
        kind: FaultKind::Other,
    }
}

/// Never waits for anything but the line.
async fn hear(line: &mut Line, (pulse, hands): (&Pulse, &mut Hands), answers: &watch::Sender<Answers>) -> Fault {
    let sender = line.sender();
    let mut asked = Stopwatch::start();
    loop {
        match line.next().await {
            Ok(Heard::Message(message)) => take(message, pulse, hands, &sender).await,
            Ok(Heard::Subscribed(refused)) => answers.send_modify(|answers| {
                answers.missing = answers.missing.saturating_sub(1);
                answers.refused.extend(refused);
            }),
            Ok(Heard::NotTaken(why)) => {
                answers.send_modify(|answers| answers.not_taken = Some((why, Stopwatch::start())));
            }
            Ok(Heard::Nothing) => {}
            Err(fault) => return fault,
        }
        let backlog = hands.backlog();
        if backlog.left() && backlog.here() == 0 {
            let why = "the engine has caught up: what was left with the broker has to come again".into();
            let kind = FaultKind::Owed;
            return Fault { why, kind };
        }
        // Something comes every few seconds, if only an answer to a ping.
        if asked.elapsed() >= ASK_AGAIN {
            asked = Stopwatch::start();
            ask_again(line, answers);
        }
    }
}

async fn take(message: Message, pulse: &Pulse, hands: &mut Hands, sender: &Sender) {
    if message.topic != pulse.topic {
        return hands.pass(sender, message).await;
    }
    if !message.retain {
        pulse.hear(message.payload);
    }
    hands.acknowledge(sender, message.pkid).await;
}

fn ask_again(line: &mut Line, answers: &watch::Sender<Answers>) {
    let refused: Vec<String> = answers.borrow().refused.keys().cloned().collect();
    if refused.is_empty() {
        return;
    }
    if let Some(missing) = line.subscribe(&refused) {
        answers.send_modify(|answers| {
            answers.refused.clear();
            answers.missing += missing;
        });
    }
}

/// Acknowledges to nodes what is on disk. Ends only with the line.
async fn tell(sender: &Sender, site: &str, acks: &Waiting, told: &mut BTreeMap<Arc<str>, Mark>) {
    loop {
        let marks = acks.next().await;
        // Before anything is sent: what the line does not take any more is said again on the next.
        told.extend(marks.iter().map(|(node, mark)| (node.clone(), mark.clone())));
        for (topic, payload) in marks.values().filter_map(|mark| ack(site, mark)) {
            if !sender.publish(&topic, payload).await {
                return;
            }
        }
    }
}
