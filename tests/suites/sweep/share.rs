//! Numbers from 0 up, shared out over threads; what comes of them is taken in order, so that it does not depend on which
//! thread was faster.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;

/// Results that wait for an earlier one; a thread that is so far ahead waits.
const AHEAD: usize = 1_024;

pub(crate) fn out<T: Send>(threads: usize, count: u64, one: impl Fn(u64) -> T + Sync, mut take: impl FnMut(T)) {
    let next = AtomicU64::new(0);
    let (said, heard) = sync_channel(AHEAD);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (said, next, one) = (said.clone(), &next, &one);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || said.send((number, one(number))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(said);
        let mut waiting = std::collections::BTreeMap::new();
        let mut due = 0;
        for (number, came) in heard {
            waiting.insert(number, came);
            while let Some(came) = waiting.remove(&due) {
                take(came);
                due += 1;
            }
        }
    });
}

/// Digests in order, as one (FNV-1a by words): the same for the same seed on every machine and any number of threads.
pub(crate) const fn fold(digest: u64, next: u64) -> u64 {
    (digest ^ next).wrapping_mul(0x0000_0100_0000_01B3)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_number_once_and_in_order() {
        for threads in [1, 2, 5] {
            let mut all = Vec::new();
            super::out(threads, 5_000, |n| n * n, |square| all.push(square));
            assert!(all.iter().copied().eq((0..5_000).map(|n| n * n)));
        }
        super::out(2, 0, |n| n, |_| unreachable!("there is none"));
    }
}
