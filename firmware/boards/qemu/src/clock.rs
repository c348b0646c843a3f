//! Time: CMSDK timer 0 runs free at 25 MHz and counts its wraps, timer 1 is the alarm. Tickless, 1 µs.
//!
//! Registers: Arm Cortex-M System Design Kit, APB timer: CTRL 0x0 (bit 0 enable, bit 3 interrupt), VALUE 0x4, RELOAD 0x8,
//! INTSTATUS and INTCLEAR 0xC.

use core::cell::RefCell;
use core::task::Waker;

use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

use crate::mmio::Block;
use crate::vectors::Irq;

// SAFETY: CMSDK timer 0 of the AN386.
const FREE: Block = unsafe { Block::at(0x4000_0000) };
// SAFETY: CMSDK timer 1 of the AN386.
const ALARM: Block = unsafe { Block::at(0x4000_1000) };
const CTRL: usize = 0x0;
const VALUE: usize = 0x4;
const RELOAD: usize = 0x8;
const INT: usize = 0xC;
const ENABLE: u32 = 0b1;
const ENABLE_WITH_INTERRUPT: u32 = 0b1001;
/// SYSCLK of the AN386, in ticks a microsecond.
const TICKS_PER_US: u64 = 25;
/// An alarm further away than this is set again on the way: the timer holds 171 s.
const LONGEST_ALARM_US: u64 = 100_000_000;

struct Clock {
    inner: Mutex<RefCell<Inner>>,
}

struct Inner {
    wraps: u64,
    /// Added to all times: a board that has been up for long. Microseconds.
    offset_us: u64,
    queue: Queue,
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock {
    inner: Mutex::new(RefCell::new(Inner { wraps: 0, offset_us: 0, queue: Queue::new() })),
});

/// Starts time as if the board had been up for `uptime_ms`.
pub(crate) fn start(uptime_ms: u64) {
    critical_section::with(|cs| CLOCK.inner.borrow_ref_mut(cs).offset_us = uptime_ms * 1_000);
    FREE.register(RELOAD).write(u32::MAX);
    FREE.register(VALUE).write(u32::MAX);
    FREE.register(CTRL).write(ENABLE_WITH_INTERRUPT);
    ALARM.register(CTRL).write(0);
    Irq::Timer0.enable();
    Irq::Timer1.enable();
}

/// Timer 0 has wrapped.
pub(crate) fn wrapped() {
    critical_section::with(|cs| {
        FREE.register(INT).write(1);
        CLOCK.inner.borrow_ref_mut(cs).wraps += 1;
    });
}

/// Timer 1 has run out.
pub(crate) fn alarmed() {
    critical_section::with(|cs| {
        ALARM.register(CTRL).write(0);
        ALARM.register(INT).write(1);
        CLOCK.wake(cs);
    });
}

impl Inner {
    fn now_us(&self) -> u64 {
        let before = FREE.register(VALUE).read();
        let pending = FREE.register(INT).read() & ENABLE != 0;
        let after = FREE.register(VALUE).read();
        // A wrap whose interrupt is held back by this critical section: seen if it happened before the later reading.
        let wraps = self.wraps + u64::from(pending && after > u32::MAX / 2);
        let value = if pending { after } else { before };
        self.offset_us + ((wraps << 32) + u64::from(u32::MAX - value)) / TICKS_PER_US
    }
}

impl Clock {
    /// Wakes what is due and sets the alarm for what comes next.
    fn wake(&self, cs: CriticalSection<'_>) {
        let mut inner = self.inner.borrow_ref_mut(cs);
        loop {
            let now_us = inner.now_us();
            let next_us = inner.queue.next_expiration(now_us);
            if next_us > now_us {
                set_alarm((next_us - now_us).min(LONGEST_ALARM_US));
                return;
            }
        }
    }
}

fn set_alarm(in_us: u64) {
    let ticks = u32::try_from(in_us.saturating_mul(TICKS_PER_US)).unwrap_or(u32::MAX);
    ALARM.register(CTRL).write(0);
    ALARM.register(INT).write(1);
    ALARM.register(RELOAD).write(u32::MAX);
    ALARM.register(VALUE).write(ticks.max(1));
    ALARM.register(CTRL).write(ENABLE_WITH_INTERRUPT);
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.inner.borrow_ref(cs).now_us())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let changed = self.inner.borrow_ref_mut(cs).queue.schedule_wake(at, waker);
            if changed {
                self.wake(cs);
            }
        });
    }
}
