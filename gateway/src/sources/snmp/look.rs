//! Who stands at an address, and what profiles make of it. For people who set one up.

use std::sync::Arc;
use std::time::Duration;

use async_snmp::{Auth, CryptoError, Value, oid};
use muster_core::{ChannelIx, SourceIx};
use muster_profiles::{Place, SnmpProfile, SnmpSignal};
use muster_wire::{Absence, Micro};

use super::SnmpSource;
use super::failure::Failure;
use super::hints::Hints;
use super::link::{Link, connect};
use super::login;
use super::plan::{Answers, theirs};
use crate::config::{SnmpLogin, SnmpWay};
use crate::lines;
use crate::sources::excuse::Excuses;
use crate::sources::nut::shown;

/// An answer later than this is none.
pub(super) const WITHIN: Duration = Duration::from_secs(2);

/// An agent that let us in.
pub(crate) struct Agent {
    address: String,
    login: SnmpLogin,
    auth: Auth,
    /// Which device it is.
    pub(crate) sys_object_id: muster_profiles::Oid,
    /// What it calls itself (sysDescr), harmless to a terminal; empty where it says nothing.
    pub(crate) description: String,
}

/// A signal as it was read.
pub(crate) struct Read {
    pub(crate) signal: SnmpSignal,
    /// As polling would hear it.
    pub(crate) value: Result<Micro, Absence>,
    /// Where it stands, and what stands there.
    pub(crate) place: String,
    /// The agent has an object there, even if what it holds means "no value".
    pub(crate) answered: bool,
}

/// Asks an agent at `host:port` who it is.
///
/// # Errors
/// One line: it cannot be reached, is silent, does not let us in, or does not say who it is.
pub(crate) async fn meet(address: &str, login: &SnmpLogin) -> Result<Agent, String> {
    met(address, login)
        .await
        .map_err(|failure| lines::with_causes(&failure))
}

async fn met(address: &str, login: &SnmpLogin) -> Result<Agent, Failure> {
    let auth = auth(login).await?;
    let client = connect(address, &auth, WITHIN).await?;
    let asked = [oid!(1, 3, 6, 1, 2, 1, 1, 2, 0), oid!(1, 3, 6, 1, 2, 1, 1, 1, 0)];
    let answered = client.get_many(&asked).await;
    let answer = answered.map_err(|error| Failure::of_call(error, address, WITHIN, login.is_plain()))?;
    let Some(Value::ObjectIdentifier(id)) = answer.varbinds.first().map(|v| &v.value) else {
        return Err(Failure::Nameless);
    };
    Ok(Agent {
        address: address.to_owned(),
        login: login.clone(),
        auth,
        sys_object_id: id.to_string().parse().map_err(|_| Failure::Nameless)?,
        description: answer.varbinds.get(1).and_then(|v| words(&v.value)).unwrap_or_default(),
    })
}

/// What a client asks with. A user's keys take milliseconds of a core: not on a thread that polls.
pub(super) async fn auth(login: &SnmpLogin) -> Result<Auth, Failure> {
    let login = login.clone();
    let made = tokio::task::spawn_blocking(move || login::auth(&login)).await;
    // It does not panic; if it were to, there are no keys.
    made.unwrap_or(Err(CryptoError::CipherError)).map_err(Failure::Keys)
}

impl Agent {
    /// One look at every signal of a profile, as polling would hear it.
    ///
    /// # Errors
    /// One line: why polling would hear nothing.
    pub(crate) async fn read(&self, profile: &SnmpProfile) -> Result<Vec<Read>, String> {
        self.all(profile).await.map_err(|failure| lines::with_causes(&failure))
    }

    async fn all(&self, profile: &SnmpProfile) -> Result<Vec<Read>, Failure> {
        let source = self.source(profile);
        let mut link = Link::open(&source, &self.auth, &Hints::default().of_one()).await?;
        let mut samples = Vec::new();
        let mut all = Answers::default();
        for trip in [true, false] {
            let answers = link.read(trip, &mut Vec::new()).await?;
            let poll = if trip { &link.trip } else { &link.rest };
            samples.extend(poll.samples(&answers, &mut Excuses::default(), 0));
            all.objects.extend(answers.objects);
        }
        let value = |at: usize| samples.iter().find(|s| s.channel.at() == at).map(|s| s.value);
        let read = |(at, signal): (usize, &SnmpSignal)| {
            let value = value(at)?;
            let (place, answered) = place(signal, &all);
            Some(Read {
                signal: signal.clone(),
                answered: answered || value.is_ok(),
                value,
                place,
            })
        };
        Ok(profile.signals.iter().enumerate().filter_map(read).collect())
    }

    fn source(&self, profile: &SnmpProfile) -> SnmpSource {
        let names = profile.signals.iter().map(|signal| signal.name.clone());
        SnmpSource {
            source: SourceIx(0),
            id: self.address.clone(),
            address: self.address.clone(),
            channels: names.zip((0..).map(ChannelIx)).collect(),
            poll_ms: None,
            way: SnmpWay {
                login: self.login.clone(),
                profile: Arc::new(profile.clone()),
            },
        }
    }
}

/// Where a signal stands, what stands there, and whether anything does.
fn place(signal: &SnmpSignal, answers: &Answers) -> (String, bool) {
    match &signal.place {
        Place::Object(oid) => match answers.objects.get(&theirs(oid)).and_then(words) {
            Some(value) => (format!("{oid} = {value}"), true),
            None => (oid.to_string(), false),
        },
        Place::Column { column, .. } => (format!("table {column}"), false),
    }
}

/// A value as people read it; none where there is none.
fn words(value: &Value) -> Option<String> {
    Some(match value {
        Value::Integer(n) => n.to_string(),
        Value::Counter32(n) | Value::Gauge32(n) | Value::UInteger32(n) => n.to_string(),
        Value::Counter64(n) => n.to_string(),
        Value::TimeTicks(n) => format!("{n} ticks"),
        Value::OctetString(text) => shown(&String::from_utf8_lossy(text)),
        Value::ObjectIdentifier(oid) => oid.to_string(),
        _ => return None,
    })
}
