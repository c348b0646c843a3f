//! The CMSDK watchdog: the first time-out is an NMI, the second a reset of the board.
//!
//! Registers: Arm Cortex-M System Design Kit, APB watchdog: LOAD 0x0, CTRL 0x8 (bit 0 interrupt, bit 1 reset), INTCLR 0xC,
//! LOCK 0xC00.

use crate::mmio::Block;

// SAFETY: the watchdog of the AN386.
const WATCHDOG: Block = unsafe { Block::at(0x4000_8000) };
const LOAD: usize = 0x0;
const CTRL: usize = 0x8;
const INTCLR: usize = 0xC;
const LOCK: usize = 0xC00;
const UNLOCK: u32 = 0x1ACC_E551;
/// SYSCLK of the AN386. Ticks a millisecond.
const TICKS_PER_MS: u32 = 25_000;

/// Starts it: without [`feed`] the board is reset after twice this.
pub(crate) fn start(half_ms: u32) {
    WATCHDOG.register(LOCK).write(UNLOCK);
    WATCHDOG.register(LOAD).write(half_ms * TICKS_PER_MS);
    WATCHDOG.register(CTRL).write(0b11);
    WATCHDOG.register(LOCK).write(0);
}

/// All is well.
pub(crate) fn feed() {
    WATCHDOG.register(LOCK).write(UNLOCK);
    WATCHDOG.register(INTCLR).write(1);
    WATCHDOG.register(LOCK).write(0);
}
