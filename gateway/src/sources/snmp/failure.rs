//! Why an agent gave nothing, in words for who has to mend it.

use std::time::Duration;

use async_snmp::Error;
use async_snmp::v3::ReportStatus;
use muster_profiles::Oid;

use crate::counters::Cause;

/// Why a cycle gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("cannot reach {address}")]
    Connect {
        address: String,
        #[source]
        source: Box<Error>,
    },
    #[error("nobody can say where {address} is")]
    Unnamed {
        address: String,
        #[source]
        source: std::io::Error,
    },
    #[error("no answer from {address} within {} ms, asked twice: it is off, the network is cut, or {or}", .within.as_millis())]
    Timeout {
        address: String,
        within: Duration,
        /// What else silence may mean.
        or: &'static str,
    },
    #[error("{0}")]
    Login(&'static str),
    #[error("the agent answered with an error")]
    Refused(#[source] Box<Error>),
    #[error("more than {0} objects of one poll refused")]
    RefusedMany(usize),
    #[error("an answer to another question, discarded as a whole")]
    Mismatch(#[source] Box<Error>),
    #[error("a table without end, discarded as a whole")]
    Endless,
    #[error("it says no sysObjectID: nobody knows which device this is")]
    Nameless,
    #[error("another device: its sysObjectID is {found}, which the profile {profile} is not for")]
    Another { found: Oid, profile: String },
    #[error("another device than before: its sysObjectID is {found}, and was {known}")]
    Replaced { found: String, known: Oid },
    #[error("{column}, which would tell a test from a power cut, is not answered within {} ms: no test is believed", .within.as_millis())]
    Unread { column: String, within: Duration },
    #[error("the agent started anew")]
    Restarted,
    #[error("its keys cannot be made")]
    Keys(#[source] async_snmp::CryptoError),
}

impl Failure {
    /// What a failed call means.
    pub(super) fn of_call(error: Box<Error>, address: &str, within: Duration, plain: bool) -> Self {
        match error.exchange_source() {
            Error::Timeout { .. } => Self::Timeout {
                address: address.to_owned(),
                within,
                or: if plain {
                    "it does not know our community"
                } else {
                    "it does not know our `user` with these keys"
                },
            },
            Error::Report { status, .. } => Self::Login(refused_by(status)),
            Error::Auth { .. } => {
                Self::Login("its answer is not signed with our key: auth_file or `auth` is another one there")
            }
            Error::Snmp { .. } => Self::Refused(error),
            Error::WalkAborted { .. } => Self::Endless,
            Error::ResponseShape { .. } | Error::MalformedResponse { .. } | Error::Decode(_) => Self::Mismatch(error),
            _ => Self::Connect {
                address: address.to_owned(),
                source: error,
            },
        }
    }

    /// Under which cause it is counted.
    pub(super) const fn cause(&self) -> Cause {
        match self {
            Self::Connect { .. } | Self::Unnamed { .. } => Cause::SnmpConnect,
            Self::Timeout { .. } | Self::Unread { .. } => Cause::SnmpTimeout,
            Self::Login(_) | Self::Keys(_) => Cause::SnmpLogin,
            Self::Refused(_) | Self::RefusedMany(_) => Cause::SnmpRefused,
            Self::Mismatch(_) | Self::Endless => Cause::SnmpMismatch,
            Self::Nameless | Self::Another { .. } | Self::Replaced { .. } => Cause::SnmpIdentity,
            Self::Restarted => Cause::SnmpRestart,
        }
    }
}

fn refused_by(status: &ReportStatus) -> &'static str {
    match status {
        ReportStatus::UnknownUserName { .. } => "the agent knows no such `user`",
        ReportStatus::WrongDigest { .. } => "the agent refuses our key: auth_file or `auth` is another one there",
        ReportStatus::DecryptionError { .. } => {
            "the agent cannot decrypt us: privacy_file or `privacy` is another one there"
        }
        ReportStatus::UnsupportedSecurityLevel { .. } => {
            "the agent does not let this user speak with authentication and privacy"
        }
        ReportStatus::NotInTimeWindow { .. } | ReportStatus::UnknownEngineId { .. } => {
            "the agent does not agree with us on its own engine and time"
        }
        _ => "the agent refuses us by a report of its own",
    }
}
