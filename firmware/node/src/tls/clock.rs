//! Wall-clock time for the dates in certificates, and for nothing else.

use core::sync::atomic::{AtomicU32, Ordering};

use embedded_tls::TlsClock;

/// Unix seconds, good until 2106; 0 while it is not known.
static UNIX_S: AtomicU32 = AtomicU32::new(0);

/// Tells the time. The board calls it now and then, from whatever clock it has.
pub fn set_unix_s(unix_s: u32) {
    UNIX_S.store(unix_s, Ordering::Relaxed);
}

/// The time that was last told. While none has been, dates are not checked: a node that falls silent because a time
/// server is down would miss a fire, and an expired certificate still has to be one of the site's.
#[derive(Clone, Copy, Debug)]
pub struct Clock;

impl TlsClock for Clock {
    fn now() -> Option<u64> {
        let unix_s = UNIX_S.load(Ordering::Relaxed);
        (unix_s != 0).then_some(u64::from(unix_s))
    }
}
