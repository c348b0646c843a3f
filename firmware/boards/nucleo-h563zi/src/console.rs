//! What the board says to whoever looks: lines on the ST-LINK's USB port, and the red LED.

use core::cell::RefCell;
use core::fmt;
use core::panic::PanicInfo;

use critical_section::Mutex;
use embassy_stm32::gpio::Output;

use crate::chip::Console;

static FACE: Mutex<RefCell<Option<(Console, Output<'static>)>>> = Mutex::new(RefCell::new(None));

/// Reads by eye what the red LED says before the reset that follows it. Cycles, about a second.
const SHOWN_CYCLES: u32 = 250_000_000;

/// From now on it speaks.
pub(crate) fn start(console: Console, red: Output<'static>) {
    critical_section::with(|cs| FACE.borrow_ref_mut(cs).replace((console, red)));
}

/// A line on the console.
#[macro_export]
macro_rules! say {
    ($($words:tt)*) => { $crate::console::say(format_args!($($words)*)) };
}

pub(crate) fn say(words: fmt::Arguments<'_>) {
    critical_section::with(|cs| {
        // Taken if the panic came from in here: then there is nothing to say it with.
        if let Ok(mut face) = FACE.borrow(cs).try_borrow_mut()
            && let Some((console, _)) = face.as_mut()
        {
            let _ = fmt::Write::write_fmt(&mut Lines(console), format_args!("{words}\r\n"));
        }
    });
}

struct Lines<'c>(&'c mut Console);

impl fmt::Write for Lines<'_> {
    fn write_str(&mut self, words: &str) -> fmt::Result {
        self.0.blocking_write(words.as_bytes()).map_err(|_| fmt::Error)
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say!("{info}");
    critical_section::with(|cs| {
        if let Ok(mut face) = FACE.borrow(cs).try_borrow_mut()
            && let Some((_, red)) = face.as_mut()
        {
            red.set_high();
        }
    });
    cortex_m::asm::delay(SHOWN_CYCLES);
    // A node that cannot go on begins anew: what it had is gone, and its boot count says so.
    cortex_m::peripheral::SCB::sys_reset();
}
