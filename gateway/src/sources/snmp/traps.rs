//! Traps and informs. One makes the agent that sent it be asked at once; what it says is not even looked at.

use std::net::SocketAddr;
use std::time::Duration;

use async_snmp::notification::{NotificationAcceptance, NotificationEnvelope, NotificationReceiver};
use async_snmp::{AuthoritativeEngine, SecurityLevel};
use muster_core::Input;
use subtle::ConstantTimeEq as _;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::hints::{Hints, Woken};
use super::login;
use crate::clock::Stopwatch;
use crate::config::{Config, PollWay, Secret, SnmpLogin};
use crate::counters::{Cause, Counters};
use crate::lanes::{Control, Lanes};
use crate::lines;

/// The part of Muster that is in trouble while it cannot listen. Polls go on without.
const PART: &str = "snmp-traps";
/// So many a second are looked at; the rest waits in the socket, and is dropped there when that is full.
const A_SECOND: u32 = 200;
/// Pause before the next try to listen.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Where to listen, and for whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Traps {
    address: SocketAddr,
    logins: Vec<SnmpLogin>,
}

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
enum TrapError {
    #[error("cannot make the keys of an SNMP user")]
    Keys(#[source] async_snmp::CryptoError),
    #[error("cannot listen for SNMP traps on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: Box<async_snmp::Error>,
    },
}

impl Traps {
    /// What a config asks for.
    #[must_use]
    pub fn of(config: &Config) -> Option<Self> {
        let mut logins = Vec::new();
        for device in &config.polled {
            if let PollWay::Snmp(way) = &device.way
                && !logins.contains(&way.login)
            {
                logins.push(way.login.clone());
            }
        }
        let address = config.traps?;
        Some(Self { address, logins })
    }

    /// Listens until the task is aborted. Where it cannot, it says so and tries again: polls do not wait for it.
    #[must_use]
    pub fn spawn(self, hints: Hints, counters: Counters, lanes: Lanes) -> JoinHandle<()> {
        tokio::spawn(async move {
            loop {
                let trouble = match self.receiver(&hints, &counters).await {
                    Ok(receiver) => {
                        say(&lanes, None).await;
                        lines::with_causes(&*listen(&receiver, &hints, &counters).await)
                    }
                    Err(error) => lines::with_causes(&error),
                };
                say(&lanes, Some(format!("{trouble}; devices are polled all the same"))).await;
                sleep(AGAIN_AFTER).await;
            }
        })
    }

    /// Takes v2c by community, and v3 with authentication and privacy only, from polled agents only. To informs of v3 it
    /// is an engine that is new at every start (RFC 3414 asks for one whose boots never go back; a new one has none).
    async fn receiver(&self, hints: &Hints, counters: &Counters) -> Result<NotificationReceiver, TrapError> {
        let failed = |source| TrapError::Listen {
            address: self.address,
            source,
        };
        let mut builder = NotificationReceiver::builder().bind(self.address.to_string());
        let mut communities = Vec::new();
        let mut has_user = false;
        for login in &self.logins {
            match login {
                SnmpLogin::Community(community) => communities.push(community.clone()),
                SnmpLogin::User(user) => {
                    has_user = true;
                    let keys = login::keys(user).map_err(TrapError::Keys)?;
                    let named = builder.usm_user(user.name.clone(), |u| u.with_master_keys(keys));
                    builder = named.map_err(TrapError::Keys)?;
                }
            }
        }
        if has_user {
            builder = builder.authoritative_engine(new_engine().map_err(failed)?);
        }
        let (hints, counters) = (hints.clone(), counters.clone());
        let accept = move |trap: &NotificationEnvelope<'_>| accept(trap, &communities, &hints, &counters);
        builder.acceptance_policy(accept).build().await.map_err(failed)
    }
}

fn new_engine() -> Result<AuthoritativeEngine, Box<async_snmp::Error>> {
    let id = async_snmp::v3::generate_engine_id()?;
    AuthoritativeEngine::install(id, |_| Ok::<(), std::convert::Infallible>(()))
}

/// Before an inform is answered: whether it is from one of ours.
fn accept(
    trap: &NotificationEnvelope<'_>,
    communities: &[Secret],
    hints: &Hints,
    counters: &Counters,
) -> NotificationAcceptance {
    let proven = match trap.community {
        Some(said) => communities.iter().any(|ours| bool::from(ours.0.ct_eq(said.as_bytes()))),
        None => trap.security_level == Some(SecurityLevel::AuthPriv),
    };
    if proven && hints.knows(trap.source.ip()) {
        return NotificationAcceptance::Accept;
    }
    let why = if proven {
        "no agent is polled there"
    } else {
        "not our community, or not v3 with authentication and privacy"
    };
    counters.count(Cause::TrapRefused, &trap.source.to_string(), &why);
    NotificationAcceptance::Reject
}

/// Until the socket fails.
async fn listen(receiver: &NotificationReceiver, hints: &Hints, counters: &Counters) -> Box<async_snmp::Error> {
    let (mut second, mut taken) = (Stopwatch::start(), 0);
    loop {
        let from = match receiver.recv().await {
            Ok(received) => received.source,
            Err(error) => return error,
        };
        match hints.wake(from.ip()) {
            Woken::Now => {}
            Woken::TooSoon => counters.count(Cause::TrapFlood, &from.to_string(), &"more traps than are heeded"),
            Woken::Nobody => counters.count(Cause::TrapRefused, &from.to_string(), &"no agent is polled there"),
        }
        taken += 1;
        if taken >= A_SECOND {
            sleep(Duration::from_secs(1).saturating_sub(second.elapsed())).await;
            (second, taken) = (Stopwatch::start(), 0);
        }
    }
}

async fn say(lanes: &Lanes, trouble: Option<String>) {
    let part = PART.into();
    // An engine that is gone has nobody to tell.
    let _ = lanes.control.send(Control::Input(Input::Own { part, trouble })).await;
}
