//! How deep the stack has been: painted once at the start, looked at later.

use core::ptr::{self, addr_of};

/// What no code leaves behind by chance.
const PAINT: u32 = 0xC0DE_57AC;
/// More than this is neither painted nor told. Bytes.
const MOST_BYTES: usize = 128 * 1_024;
/// Left alone below the stack pointer: the frame of the painter. Bytes.
const MARGIN_BYTES: usize = 256;
const WORD: usize = size_of::<u32>();

unsafe extern "C" {
    /// First address of the stack, which grows downwards (cortex-m-rt's linker script).
    static _stack_start: u32;
    /// End of all statics: the stack must not come here.
    static __sheap: u32;
}

fn top() -> usize {
    // Only its address is taken.
    addr_of!(_stack_start).expose_provenance()
}

fn bottom() -> usize {
    let end = addr_of!(__sheap).expose_provenance();
    end.max(top().saturating_sub(MOST_BYTES))
}

/// Paints what the stack has not reached yet. Before interrupts are let in.
pub fn paint() {
    let until = cortex_m::register::msp::read() as usize - MARGIN_BYTES;
    for address in (bottom()..until).step_by(WORD) {
        // SAFETY: between the end of the statics and the stack pointer, less the margin, lies memory that nobody uses; a
        // word of it at a time, aligned because both symbols are.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(address).write_volatile(PAINT) }
    }
}

/// The most that the stack has held since [`paint`]. Bytes.
#[must_use]
pub fn peak_bytes() -> usize {
    let untouched = (bottom()..top()).step_by(WORD).take_while(|address| {
        // SAFETY: as for `paint`; above the deepest word lies the stack itself, and is read as words, never as values.
        unsafe { ptr::with_exposed_provenance::<u32>(*address).read_volatile() == PAINT }
    });
    top() - bottom() - untouched.count() * WORD
}
