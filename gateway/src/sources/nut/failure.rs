//! Why a UPS was not heard.

use std::io;
use std::time::Duration;

use super::line::Torn;
use super::refusal::Refusal;
use crate::counters::Cause;
use crate::sources::tls::TlsFault;

/// What went wrong. One line each, for the log and for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No connection.
    #[error("cannot connect to upsd at {address}")]
    Connect {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No connection in time.
    #[error("cannot connect to upsd at {address} within {} ms", .within.as_millis())]
    ConnectTimeout {
        /// Where.
        address: String,
        /// How long it had.
        within: Duration,
    },
    /// It does not encrypt.
    #[error("upsd refuses to encrypt, and is not read in plain: {0}")]
    NotEncrypted(Refusal),
    /// Something stood between its leave to encrypt and the encryption: somebody may have put it there.
    #[error("upsd said something unencrypted after it agreed to encrypt; somebody on the way may have")]
    Injected,
    /// The files for it cannot be used.
    #[error("TLS cannot be set up")]
    Files(#[source] TlsFault),
    /// No name to compare a certificate with.
    #[error("{0} is no name that a certificate can carry")]
    NoServerName(String),
    /// It is not who it should be, or does not speak TLS.
    #[error("upsd at {address} is not believed: TLS failed")]
    Tls {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Silence.
    #[error("upsd did not answer within {} ms", .within.as_millis())]
    Timeout {
        /// How long it had.
        within: Duration,
    },
    /// The connection broke.
    #[error("the connection to upsd broke")]
    Broken(#[source] io::Error),
    /// It closed the connection in the middle of an answer.
    #[error("upsd closed the connection in the middle of an answer")]
    Closed,
    /// A line that is none.
    #[error("upsd's answer cannot be read")]
    Torn(#[source] Torn),
    /// A line or an answer without an end.
    #[error("upsd's answer cannot be read: {0}")]
    TooLong(&'static str),
    /// Something else than was asked for, such as another UPS.
    #[error("upsd answered something else than it was asked: {0}")]
    Foreign(String),
    /// Something that nobody had asked for.
    #[error("upsd spoke without being asked: its answers may be out of step")]
    Unasked,
    /// It says no.
    #[error("upsd says {0}")]
    Refused(Refusal),
    /// The driver has not read it yet.
    #[error("upsd says WAIT: the driver has not read this UPS yet; if it stays so, look at the driver's log")]
    Waiting,
}

impl Failure {
    /// Under which cause it is counted.
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::Connect { .. } | Self::ConnectTimeout { .. } | Self::Broken(_) | Self::Closed => Cause::NutConnect,
            Self::NotEncrypted(_) | Self::Injected | Self::Files(_) | Self::NoServerName(_) | Self::Tls { .. } => {
                Cause::NutTls
            }
            Self::Timeout { .. } => Cause::NutTimeout,
            Self::Torn(_) | Self::TooLong(_) | Self::Foreign(_) | Self::Unasked => Cause::NutAnswer,
            Self::Refused(Refusal::DataStale) | Self::Waiting => Cause::NutStale,
            Self::Refused(Refusal::DriverNotConnected) => Cause::NutDriver,
            Self::Refused(Refusal::UnknownUps) => Cause::NutUnknownUps,
            Self::Refused(_) => Cause::NutRefused,
        }
    }
}
