//! One agent that is known. It can read; there is nothing here that writes.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_snmp::{
    Auth, Client, ClientBuilder, Error, Oid, ResponseShapePolicy, Retry, Value, VarBind, WalkMethod, WalkOptions, oid,
};
use tokio::time::timeout;

use super::SnmpSource;
use super::failure::Failure;
use super::hints::Hint;
use super::plan::{Answers, Poll};
use crate::clock::Stopwatch;
use crate::sources::names;

/// Resolving a name takes no longer, or the network is not there.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Objects of one GET, identity included: an answer of 24 numbers fits any agent's least message, 484 bytes.
const OBJECTS_A_GET: usize = 24;
/// Rows asked for at once; few devices have more alarms than that.
const ROWS_A_GET: u32 = 10;
/// Rows of one table; beyond it there is no end to it.
const ROWS: usize = 64;
/// A column that only takes meanings away, and could not be read, is not asked for before.
const LEFT_ALONE: Duration = Duration::from_secs(60);
/// Objects of one poll that may be refused one by one.
const REFUSALS: usize = 8;

/// An agent that has said who it is.
pub(super) struct Link {
    client: Client,
    address: String,
    within: Duration,
    plain: bool,
    /// Its sysObjectID.
    agent: muster_profiles::Oid,
    /// The latest of its sysUpTime, in ticks; not every agent has one.
    uptime: Option<u32>,
    /// Columns of excuses that could not be read, and since when.
    silent: BTreeMap<Oid, Stopwatch>,
    /// What is asked of it: trip signals, and the others.
    pub(super) trip: Poll,
    /// See `trip`.
    pub(super) rest: Poll,
}

impl Link {
    /// Asks who it is. Nothing of it is believed unless the profile is for it.
    pub(super) async fn open(source: &SnmpSource, auth: &Auth, hint: &Hint) -> Result<Self, Failure> {
        let within = Duration::from_millis(source.way.profile.head.timeout_ms);
        let client = connect(&source.address, auth, within).await?;
        hint.follow(client.peer_addr().ip());
        let nobody = muster_profiles::Oid::default();
        let mut link = Self {
            client,
            address: source.address.clone(),
            within,
            plain: source.way.login.is_plain(),
            trip: Poll::of(source, &nobody, true),
            rest: Poll::of(source, &nobody, false),
            agent: nobody,
            uptime: None,
            silent: BTreeMap::new(),
        };
        let identity = link.get(&identity()).await?;
        link.agent = said(identity.first())?;
        link.uptime = ticks(identity.get(1));
        if !source.way.profile.fits(&link.agent) {
            let (found, profile) = (link.agent, source.way.profile.head.name());
            return Err(Failure::Another { found, profile });
        }
        link.trip = Poll::of(source, &link.agent, true);
        link.rest = Poll::of(source, &link.agent, false);
        Ok(link)
    }

    /// Everything of one poll, or nothing. `refused` is told of each object that the agent has an error for.
    pub(super) async fn read(&mut self, trip: bool, refused: &mut Vec<Oid>) -> Result<Answers, Failure> {
        let poll = if trip { &self.trip } else { &self.rest };
        let (mut objects, mut uptime) = (BTreeMap::new(), self.uptime);
        let asked = poll.objects();
        for part in asked.chunks(OBJECTS_A_GET - identity().len()) {
            let answer = self.get_whole(part, refused).await?;
            uptime = self.same_agent(&answer, uptime)?;
            objects.extend(answer.into_iter().skip(identity().len()).map(|v| (v.oid, v.value)));
        }
        let wanted: Vec<(Oid, bool)> = (poll.columns(&objects).into_iter())
            .map(|column| (column.clone(), poll.only_excuses(&column)))
            .collect();
        let mut answers = Answers {
            objects,
            ..Answers::default()
        };
        for (column, only_excuses) in wanted {
            if only_excuses {
                self.excuse(column, &mut answers).await;
            } else {
                let rows = self.walk(&column).await?;
                answers.columns.insert(column, rows);
            }
        }
        self.uptime = uptime;
        Ok(answers)
    }

    /// A column that only takes meanings away: one that cannot be read takes none away, and holds nothing up but once.
    async fn excuse(&mut self, column: Oid, answers: &mut Answers) {
        if self
            .silent
            .get(&column)
            .is_some_and(|since| since.elapsed() < LEFT_ALONE)
        {
            answers.unread.insert(column, None);
            return;
        }
        let walked = timeout(self.within, self.walk(&column)).await;
        let silent = || Failure::Unread {
            column: column.to_string(),
            within: self.within,
        };
        match walked.unwrap_or_else(|_| Err(silent())) {
            Ok(rows) => drop(answers.columns.insert(column, rows)),
            Err(failure) => {
                self.silent.insert(column.clone(), Stopwatch::start());
                answers.unread.insert(column, Some(failure));
            }
        }
    }

    /// Who answers, before what it answers. An object that is refused is left out, and the others asked again.
    async fn get_whole(&self, part: &[Oid], refused: &mut Vec<Oid>) -> Result<Vec<VarBind>, Failure> {
        loop {
            let wanted = part.iter().filter(|oid| !refused.contains(oid));
            let asked: Vec<Oid> = identity().into_iter().chain(wanted.cloned()).collect();
            match self.get(&asked).await {
                Err(Failure::Refused(error)) => {
                    let which = refused_object(&error).filter(|which| part.contains(which) && !refused.contains(which));
                    refused.push(which.ok_or(Failure::Refused(error))?);
                    if refused.len() > REFUSALS {
                        return Err(Failure::RefusedMany(REFUSALS));
                    }
                }
                answered => return answered,
            }
        }
    }

    /// A device that has taken the address, or one that started anew, gives nothing under the old name.
    fn same_agent(&self, answer: &[VarBind], before: Option<u32>) -> Result<Option<u32>, Failure> {
        let found = said(answer.first())?;
        if found != self.agent {
            return Err(Failure::Replaced {
                found: found.to_string(),
                known: self.agent.clone(),
            });
        }
        let now = ticks(answer.get(1));
        match (before, now) {
            (Some(before), Some(now)) if now < before => Err(Failure::Restarted),
            _ => Ok(now.or(before)),
        }
    }

    /// As many answers as questions, in their order and under their names, or a failure.
    async fn get(&self, asked: &[Oid]) -> Result<Vec<VarBind>, Failure> {
        let answer = self.client.get_many(asked).await.map_err(|error| self.failed(error))?;
        Ok(answer.varbinds)
    }

    /// A column to its end. Rows whose value is no object identifier hold nothing.
    async fn walk(&self, column: &Oid) -> Result<Vec<Vec<u32>>, Failure> {
        let options = WalkOptions {
            method: WalkMethod::GetBulk,
            max_repetitions: ROWS_A_GET,
            result_limit: Some(ROWS),
            ..WalkOptions::default()
        };
        let walk = self.client.walk_with(column.clone(), options);
        let rows = walk.map_err(|error| self.failed(error))?.collect();
        let walked = timeout(self.within * 4, rows).await.map_err(|_| Failure::Endless)?;
        let rows = walked.map_err(|error| self.failed(error))?;
        let held = |row: VarBind| match row.value {
            Value::ObjectIdentifier(oid) => oid.arcs().to_vec(),
            _ => Vec::new(),
        };
        Ok(rows.into_iter().map(held).collect())
    }

    fn failed(&self, error: Box<Error>) -> Failure {
        Failure::of_call(error, &self.address, self.within, self.plain)
    }
}

/// Answers from elsewhere than the agent's address are dropped: nobody else may speak for it.
pub(super) async fn connect(address: &str, auth: &Auth, within: Duration) -> Result<Client, Failure> {
    let at = resolved(address).await?;
    let once_more = Retry::fixed(1, Duration::ZERO).unwrap_or_else(|_| Retry::none());
    let client = ClientBuilder::new(auth.clone())
        .request_timeout(within)
        .exchange_timeout(Some(within * 2))
        .retry(once_more)
        .max_oids_per_request(OBJECTS_A_GET)
        .response_shape_policy(ResponseShapePolicy::Strict)
        .target(at)
        .strict_source(true)
        .construction_timeout(CONNECT_WITHIN);
    client.connect().await.map_err(|error| Failure::Connect {
        address: address.to_owned(),
        source: error,
    })
}

async fn resolved(address: &str) -> Result<SocketAddr, Failure> {
    let unnamed = |cause: io::Error| Failure::Unnamed {
        address: address.to_owned(),
        source: cause,
    };
    let found = timeout(CONNECT_WITHIN, names::find(address)).await;
    let found = found.map_err(|_| unnamed(io::ErrorKind::TimedOut.into()))?;
    let first = found.map_err(unnamed)?.first().copied();
    first.ok_or_else(|| unnamed(io::ErrorKind::NotFound.into()))
}

/// sysObjectID and sysUpTime.
fn identity() -> [Oid; 2] {
    [oid!(1, 3, 6, 1, 2, 1, 1, 2, 0), oid!(1, 3, 6, 1, 2, 1, 1, 3, 0)]
}

fn said(identity: Option<&VarBind>) -> Result<muster_profiles::Oid, Failure> {
    match identity.map(|varbind| &varbind.value) {
        Some(Value::ObjectIdentifier(oid)) => oid.to_string().parse().map_err(|_| Failure::Nameless),
        _ => Err(Failure::Nameless),
    }
}

fn ticks(uptime: Option<&VarBind>) -> Option<u32> {
    match uptime?.value {
        Value::TimeTicks(ticks) => Some(ticks),
        _ => None,
    }
}

fn refused_object(error: &Error) -> Option<Oid> {
    match error.exchange_source() {
        Error::Snmp { oid, .. } => oid.as_deref().cloned(),
        _ => None,
    }
}
