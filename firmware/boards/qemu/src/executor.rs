//! Runs tasks and sleeps by WFI. embassy's own loop sleeps by WFE, which QEMU runs as a busy loop: 87 % of a host's core
//! for an idle board, where this takes 2 % (the 10 ms tick of main.rs).

use core::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::{Spawner, raw};
use static_cell::StaticCell;

/// Whether a task has been woken since the last poll.
static WOKEN: AtomicBool = AtomicBool::new(true);

/// embassy calls this when a task is woken, from interrupts too.
// SAFETY: the symbol and its signature are embassy-executor's contract.
#[unsafe(export_name = "__pender")]
fn pender(_context: *mut ()) {
    WOKEN.store(true, Ordering::SeqCst);
}

/// Spawns the first tasks and runs for ever.
pub(crate) fn run(init: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    let executor: &'static raw::Executor = EXECUTOR.init(raw::Executor::new(core::ptr::null_mut()));
    init(executor.spawner());
    loop {
        // SAFETY: `poll` is called from here only, never from within itself.
        unsafe { executor.poll() };
        // With interrupts held back, so that none can come between the look and the sleep; WFI wakes all the same.
        critical_section::with(|_| {
            if !WOKEN.swap(false, Ordering::SeqCst) {
                cortex_m::asm::wfi();
            }
        });
    }
}
