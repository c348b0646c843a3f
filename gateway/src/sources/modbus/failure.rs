//! Why a cycle was discarded.

use std::io;
use std::time::Duration;

use tokio_modbus::{Error, ExceptionCode, ProtocolError};

use crate::counters::Cause;

/// What went wrong with a device. One line each, for the log and for `Input::Lost`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("cannot connect to {address}")]
    Connect {
        address: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot connect to {address} within {} ms", .within.as_millis())]
    ConnectTimeout { address: String, within: Duration },
    #[error("no answer within {} ms", .within.as_millis())]
    Timeout { within: Duration },
    #[error("connection broken")]
    Broken(#[source] io::Error),
    #[error("answer cannot be read")]
    Garbled(#[source] io::Error),
    #[error("answer of the wrong length: {asked} asked, {got} given")]
    Length { asked: u16, got: usize },
    #[error("answer to another request: {0}")]
    Header(String),
    #[error("canary does not hold: wrong device, wrong map, or answers out of step")]
    Canary,
    #[error("its own counter has stood still for {} s: it answers, but does not work", .within.as_secs())]
    Still { within: Duration },
    #[error("there is no SunSpec model {model} in it: another device, or SunSpec is switched off")]
    NoModel { model: u16 },
    #[error("canary refused")]
    CanaryRefused(#[source] ExceptionCode),
}

impl Failure {
    /// What a failed call means. The library reports a frame it cannot decode as an I/O error of its own making, which
    /// carries no code of the operating system.
    pub(super) fn of_call(error: Error) -> Self {
        match error {
            Error::Protocol(ProtocolError::HeaderMismatch { message, .. }) => Self::Header(message),
            Error::Protocol(ProtocolError::FunctionCodeMismatch { request, result }) => {
                let given = result.map_or_else(|e| e.function, |r| r.function_code());
                Self::Header(format!("{request} asked, {given} given"))
            }
            Error::Transport(e) if e.raw_os_error().is_none() && is_garbled(e.kind()) => Self::Garbled(e),
            Error::Transport(e) => Self::Broken(e),
        }
    }

    /// Under which cause it is counted.
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::Connect { .. } | Self::ConnectTimeout { .. } | Self::Broken(_) => Cause::ModbusConnect,
            Self::Timeout { .. } => Cause::ModbusTimeout,
            Self::Garbled(_) | Self::Length { .. } => Cause::ModbusShort,
            Self::Header(_) => Cause::ModbusHeader,
            Self::Canary | Self::Still { .. } | Self::NoModel { .. } => Cause::ModbusCanary,
            Self::CanaryRefused(_) => Cause::ModbusException,
        }
    }

    /// One line with all its causes.
    pub(super) fn line(&self) -> String {
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            line = format!("{line}: {error}");
            cause = error.source();
        }
        line
    }
}

fn is_garbled(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(kind, InvalidData | InvalidInput | UnexpectedEof)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_cannot_be_decoded_is_told_from_a_broken_connection() {
        let cause = |e: io::Error| Failure::of_call(Error::Transport(e)).cause();
        assert_eq!(
            cause(io::Error::new(io::ErrorKind::InvalidData, "too short")),
            Cause::ModbusShort
        );
        assert_eq!(
            cause(io::Error::new(io::ErrorKind::UnexpectedEof, "cut")),
            Cause::ModbusShort
        );
        assert_eq!(
            cause(io::Error::from_raw_os_error(22)),
            Cause::ModbusConnect,
            "EINVAL of the system"
        );
        assert_eq!(
            cause(io::Error::other("bytes remaining on stream")),
            Cause::ModbusConnect
        );
    }

    #[test]
    fn a_line_names_what_failed_and_why() {
        let failure = Failure::Connect {
            address: "ups:502".into(),
            source: io::Error::new(io::ErrorKind::ConnectionRefused, "refused"),
        };
        assert_eq!(failure.line(), "cannot connect to ups:502: refused");
    }
}
