//! The interrupts of the AN386 that this board uses (Arm application note AN386, table 3-1).

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

/// An external interrupt.
#[derive(Clone, Copy)]
pub(crate) enum Irq {
    /// UART 1 received a byte.
    Uart1Rx = 2,
    /// CMSDK timer 0.
    Timer0 = 8,
    /// CMSDK timer 1.
    Timer1 = 9,
    /// LAN9118.
    Ethernet = 13,
    /// UART 2 received a byte.
    Uart2Rx = 4,
}

// SAFETY: the numbers above are distinct and are the board's.
unsafe impl InterruptNumber for Irq {
    fn number(self) -> u16 {
        self as u16
    }
}

impl Irq {
    /// Lets it come.
    pub(crate) fn enable(self) {
        // SAFETY: every handler below is ready from the start: they only touch statics behind critical sections.
        unsafe { NVIC::unmask(self) }
    }
}

/// An entry of the vector table.
type Vector = unsafe extern "C" fn();

unsafe extern "C" {
    fn DefaultHandler();
}

extern "C" fn timer_0() {
    crate::clock::wrapped();
}

extern "C" fn timer_1() {
    crate::clock::alarmed();
}

extern "C" fn ethernet() {
    crate::lan9118::interrupted();
}

extern "C" fn uart_1() {
    crate::uart::BRIDGE.received();
}

extern "C" fn uart_2() {
    crate::uart::RS485.received();
}

/// What cortex-m-rt's linker script puts behind the 16 system vectors.
// SAFETY: the linker script asks for exactly this symbol in exactly this section.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [Vector; 32] = {
    let mut table: [Vector; 32] = [DefaultHandler; 32];
    table[Irq::Uart1Rx as usize] = uart_1;
    table[Irq::Uart2Rx as usize] = uart_2;
    table[Irq::Timer0 as usize] = timer_0;
    table[Irq::Timer1 as usize] = timer_1;
    table[Irq::Ethernet as usize] = ethernet;
    table
};
