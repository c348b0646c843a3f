//! Why a cycle was discarded.

use std::io;
use std::time::Duration;

use tokio_modbus::{Error, ExceptionCode, ProtocolError};

use crate::counters::Cause;
use crate::lines;

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
    #[error(
        "the device ended the connection {when}. Look whether another master is connected (many devices take only one), \
         and whether Modbus TCP is what this address and port speak"
    )]
    Ended { when: &'static str },
    #[error("cannot open {path}: {hint}")]
    Open {
        path: String,
        hint: &'static str,
        #[source]
        source: tokio_serial::Error,
    },
    #[error("the line is gone: the other end has hung up, or the adapter was pulled out")]
    Gone,
    #[error("the line is not quiet within {} ms: another master, or noise", .within.as_millis())]
    Busy { within: Duration },
    #[error(
        "check sum of an answer is wrong: noise, or wrong line settings; look at baud, parity, termination and earthing"
    )]
    Checksum,
    #[error("noise on the line: look at baud, parity, wiring, and whether there is another master")]
    Noise,
    #[error(
        "too many answers are missing to tell the next one apart; left alone for {} s",
        .wait.as_secs()
    )]
    Unsettled { wait: Duration },
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
            Error::Transport(e) => Self::of_transport(e),
        }
    }

    /// The library's own words for an end, `bytes remaining on stream` or whatever error the system had last, help nobody.
    fn of_transport(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, WouldBlock};
        match (error.kind(), error.raw_os_error()) {
            (kind, None) if is_garbled(kind) => Self::Garbled(error),
            (_, None) => Self::Ended {
                when: "in the middle of an answer",
            },
            (BrokenPipe | ConnectionAborted | ConnectionReset | WouldBlock, _) | (_, Some(0)) => Self::Ended {
                when: "without an answer",
            },
            _ => Self::Broken(error),
        }
    }

    /// Whether what it happened on cannot be used any more.
    pub(super) const fn is_end(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Gone)
    }

    /// Under which cause it is counted.
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Broken(_)
            | Self::Ended { .. }
            | Self::Open { .. }
            | Self::Gone => Cause::ModbusConnect,
            Self::Timeout { .. } | Self::Unsettled { .. } => Cause::ModbusTimeout,
            Self::Checksum | Self::Noise | Self::Busy { .. } => Cause::ModbusNoise,
            Self::Garbled(_) | Self::Length { .. } => Cause::ModbusShort,
            Self::Header(_) => Cause::ModbusHeader,
            Self::Canary | Self::Still { .. } | Self::NoModel { .. } => Cause::ModbusCanary,
            Self::CanaryRefused(_) => Cause::ModbusException,
        }
    }

    /// One line with all its causes.
    pub(super) fn line(&self) -> String {
        lines::with_causes(self)
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
    fn an_end_is_told_in_words_that_say_what_to_look_at() {
        let line = |e: io::Error| Failure::of_call(Error::Transport(e)).line();
        let cut = line(io::Error::other("bytes remaining on stream"));
        assert!(
            cut.starts_with("the device ended the connection in the middle of an answer. Look whether"),
            "{cut}"
        );
        // What the system said last, of a connection that was closed in order: no error, or try again.
        for code in [0, 11, 32, 104] {
            let line = line(io::Error::from_raw_os_error(code));
            assert!(
                line.starts_with("the device ended the connection without an answer."),
                "{line}"
            );
            assert!(!line.contains("os error"), "{line}");
        }
        let unreachable = line(io::Error::from_raw_os_error(113));
        assert!(
            unreachable.starts_with("connection broken: ") && unreachable.contains("host"),
            "{unreachable}"
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
