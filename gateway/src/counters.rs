//! Every input that is turned away is counted by cause, and named in the log at most once a minute a cause.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Stopwatch;

macro_rules! causes {
    ($($variant:ident => $word:literal, $doc:literal;)*) => {
        /// Why something was turned away or went wrong outside. The words are the `cause` label of
        /// `muster_dropped_total`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Cause { $(#[doc = $doc] $variant,)* }

        impl Cause {
            /// Every cause.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its word.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),* } }
        }
    };
}

causes! {
    Topic => "topic", "A topic that is not ours, or of another site.";
    UnknownNode => "unknown_node", "A node the config does not name.";
    UnknownChannel => "unknown_channel", "A record the config names no channel for.";
    Identity => "identity", "A client that spoke for somebody else.";
    Malformed => "malformed", "Not a SenML pack: truncated, or neither CBOR nor JSON.";
    Oversized => "oversized", "More than 4 KiB.";
    WrongType => "wrong_type", "A record whose value is of the wrong type or unit.";
    NotANumber => "nan", "NaN, infinite, or too large to represent.";
    MustUnderstand => "must_understand", "A field that ends in `_` and is unknown here.";
    NoSequence => "no_sequence", "A pack without boot and seq.";
    Replayed => "replayed", "A pack at or below the node's high-water mark.";
    Retained => "retained", "A retained message where none may be.";
    NodeLost => "node_lost", "A pack that says its node has dropped more samples: its store was full.";
    Reloaded => "reloaded", "A reading on its way while another config came, of a channel that this one does not know or reads elsewhere.";
    NodeReset => "node_reset", "A node that started anew by itself: its watchdog or its firmware gave up.";
    Future => "future", "A record dated after its sending.";
    Flood => "flood", "A client beyond its rate, slowed down.";
    ClientLimit => "client_limit", "A client beyond the broker's limit.";
    LobbyLimit => "lobby_limit", "A connection that had not said who it is and made way for another.";
    Handshake => "handshake", "A connection that did not say who it is in time.";
    Tls => "tls", "A connection whose TLS handshake failed for another reason than its certificate.";
    CertificateMissing => "certificate_missing", "A client without a certificate where one is required.";
    CertificateExpired => "certificate_expired", "A client's certificate that has expired or is not valid yet.";
    CertificateRevoked => "certificate_revoked", "A client's certificate that has been revoked.";
    CertificateUntrusted => "certificate_untrusted", "A client's certificate that the nodes' CA did not sign for a client.";
    CertificateName => "certificate_name", "A client's certificate that does not name exactly one node.";
    TakeOver => "take_over", "A second connection of a client: the first was ended.";
    SlowReader => "slow_reader", "A client that does not read what it is sent; its connection is ended.";
    Broken => "broken", "A client whose connection broke, or that was silent beyond its keep-alive.";
    ModbusTimeout => "modbus_timeout", "A device that did not answer in time.";
    ModbusException => "modbus_exception", "A device that answered with an exception.";
    ModbusShort => "modbus_short", "An answer of the wrong length.";
    ModbusHeader => "modbus_header", "An answer to another request, or of another unit.";
    ModbusConnect => "modbus_connect", "A device that could not be reached.";
    ModbusNoise => "modbus_noise", "A check sum that was wrong, noise, or bytes on a line that nobody was waiting for.";
    ModbusCanary => "modbus_canary", "A canary register that did not hold its value.";
    ModbusDisagrees => "modbus_disagrees", "A register that says one thing in a block and another, or nothing, by itself.";
    NutConnect => "nut_connect", "An upsd that could not be reached, or a connection to one that broke.";
    NutTls => "nut_tls", "An upsd that did not encrypt as its source demands, or whose certificate was refused.";
    NutTimeout => "nut_timeout", "An upsd that did not answer in time.";
    NutAnswer => "nut_answer", "An answer of upsd that could not be read, had no end, or was about another UPS; all of it was discarded.";
    NutStale => "nut_stale", "A UPS of which upsd had nothing fresh (DATA-STALE), or nothing yet (WAIT).";
    NutDriver => "nut_driver", "A UPS whose driver did not run (DRIVER-NOT-CONNECTED).";
    NutUnknownUps => "nut_unknown_ups", "A UPS that upsd knew none of that name (UNKNOWN-UPS).";
    NutRefused => "nut_refused", "Another error that upsd answered with.";
    NutVariable => "nut_variable", "An answer without a variable that a signal is read from.";
    SnmpTimeout => "snmp_timeout", "An agent that did not answer in time, or only what is no answer to us.";
    SnmpConnect => "snmp_connect", "An agent that could not be reached.";
    SnmpRefused => "snmp_refused", "An agent that answered with an error.";
    SnmpMismatch => "snmp_mismatch", "An agent's answer that was not to the question, or had no end: discarded as a whole.";
    SnmpLogin => "snmp_login", "An agent that knows another user, password or cipher.";
    SnmpIdentity => "snmp_identity", "An agent of another device than its profile is for.";
    SnmpRestart => "snmp_restart", "An agent that had started anew; it is identified again.";
    TrapRefused => "trap_refused", "A trap from elsewhere than a configured agent, or without a proper login.";
    TrapFlood => "trap_flood", "A trap of an agent that had been polled for one within the last second.";
    NutClient => "nut_client", "A client of our own NUT server that broke off, said what is no line, or found all places taken.";
    HookTimeout => "hook_timeout", "A hook that did not answer in time.";
    HookRedirect => "hook_redirect", "A hook that redirected; never followed.";
    HookStatus => "hook_status", "A hook that answered with an error.";
    HookConnect => "hook_connect", "A hook that could not be reached.";
    HookForbidden => "hook_forbidden", "A hook whose address may not be called.";
    HookExit => "hook_exit", "A hook's program that ended with an error.";
    HookBody => "hook_body", "A hook whose answer could not be understood.";
    ProgressRefused => "progress_refused", "Progress with a wrong bearer or for an unknown step.";
    OrderRefused => "order_refused", "An order without a valid token.";
    HttpRefused => "http_refused", "A request to the API that was malformed, too large, or of another host or origin.";
    HttpLimit => "http_limit", "A connection beyond the API's limit; the longest idle one is closed.";
    ReadRefused => "read_refused", "A read from elsewhere without a valid token.";
    StreamLimit => "stream_limit", "A listener to events beyond the limit of 64.";
    StreamSlow => "stream_slow", "A listener to events that did not read, closed.";
    NotifyFailed => "notify_failed", "A message or heartbeat that a place outside did not take.";
    NotifyMissed => "notify_missed", "A line that could not be told outside: a queue was full, or it was lost before.";
    JournalWrite => "journal_write", "A transaction the disk did not take.";
    JournalFull => "journal_full", "An event line dropped because the journal's queue was full.";
    RecorderLost => "recorder_lost", "Inputs that the flight recorder could not take; counted once a gap.";
    Fault => "fault", "A broken invariant of our own.";
}

/// A line is logged at most this often a cause.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Counts by cause. Clone freely.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    counts: Vec<AtomicU64>,
    logged: Mutex<Vec<Option<(Stopwatch, u64)>>>,
}

impl Default for Inner {
    fn default() -> Self {
        let n = Cause::ALL.len();
        Self {
            counts: (0..n).map(|_| AtomicU64::new(0)).collect(),
            logged: Mutex::new(vec![None; n]),
        }
    }
}

impl Counters {
    /// Counts one, and logs it unless this cause was logged within the last minute. `who` names the peer, `what` the fact.
    pub fn count(&self, cause: Cause, who: &str, what: &dyn std::fmt::Display) {
        let total = self.inner.counts[cause as usize].fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(more) = self.may_log(cause, total) {
            tracing::warn!(cause = cause.as_str(), who, more_since_last_line = more, "{what}");
        }
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self, cause: Cause) -> u64 {
        self.inner.counts[cause as usize].load(Ordering::Relaxed)
    }

    fn may_log(&self, cause: Cause, total: u64) -> Option<u64> {
        let mut logged = self
            .inner
            .logged
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let slot = &mut logged[cause as usize];
        let before = slot.as_ref().map_or(0, |(_, n)| *n);
        if slot.as_ref().is_some_and(|(since, _)| since.elapsed() < LOG_EVERY) {
            return None;
        }
        *slot = Some((Stopwatch::start(), total));
        Some(total - before - 1)
    }
}
