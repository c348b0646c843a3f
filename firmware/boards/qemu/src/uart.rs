//! The CMSDK UARTs: 0 is the console, 1 carries I2C transactions to models on the host, 2 is the RS-485 line.
//!
//! Registers: Arm Cortex-M System Design Kit, APB UART: DATA 0x0, STATE 0x4 (bit 0 transmit buffer full, bit 1 receive
//! buffer full), CTRL 0x8 (bit 0 transmitter, bit 1 receiver, bit 3 receive interrupt), INTCLEAR 0xC, BAUDDIV 0x10 (≥ 16).

use core::cell::RefCell;
use core::convert::Infallible;
use core::fmt;
use core::future::poll_fn;
use core::task::Poll;

use critical_section::Mutex;
use embassy_sync::waitqueue::AtomicWaker;
use embassy_time::Timer;
use embedded_io_async::{ErrorType, Read, Write};
use heapless::Deque;

use crate::mmio::Block;
use crate::vectors::Irq;

const DATA: usize = 0x0;
const STATE: usize = 0x4;
const CTRL: usize = 0x8;
const INT: usize = 0xC;
const BAUDDIV: usize = 0x10;
const TX_FULL: u32 = 0b01;
const RX_FULL: u32 = 0b10;
/// Bytes that wait to be read; more are dropped, as by a line that nobody listens to.
const WAITING: usize = 512;

/// A UART with what it has received.
pub(crate) struct Uart {
    registers: Block,
    irq: Irq,
    received: Mutex<RefCell<Deque<u8, WAITING>>>,
    waker: AtomicWaker,
}

/// I2C transactions to models on the host.
// SAFETY: UART 1 of the AN386.
pub(crate) static BRIDGE: Uart = Uart::new(unsafe { Block::at(0x4000_5000) }, Irq::Uart1Rx);
/// The RS-485 line.
// SAFETY: UART 2 of the AN386.
pub(crate) static RS485: Uart = Uart::new(unsafe { Block::at(0x4000_6000) }, Irq::Uart2Rx);

impl Uart {
    const fn new(registers: Block, irq: Irq) -> Self {
        Self {
            registers,
            irq,
            received: Mutex::new(RefCell::new(Deque::new())),
            waker: AtomicWaker::new(),
        }
    }

    /// Starts both directions.
    pub(crate) fn start(&self) {
        self.registers.register(BAUDDIV).write(16);
        self.registers.register(CTRL).write(0b1011);
        self.irq.enable();
    }

    /// A byte has come.
    pub(crate) fn received(&self) {
        critical_section::with(|cs| {
            self.registers.register(INT).write(0b10);
            let mut received = self.received.borrow_ref_mut(cs);
            while self.registers.register(STATE).read() & RX_FULL != 0 {
                let byte = self.registers.register(DATA).read() as u8;
                // Full: nobody listens.
                let _ = received.push_back(byte);
            }
        });
        self.waker.wake();
    }

    /// The next byte that has come.
    pub(crate) fn take(&self) -> Option<u8> {
        critical_section::with(|cs| self.received.borrow_ref_mut(cs).pop_front())
    }

    /// Sends all of it; waits for the line, which in the emulator is never slow.
    pub(crate) fn send(&self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| put(self.registers, *byte));
    }
}

/// The RS-485 line as a stream. Nothing that has come is lost when a read is given up.
pub(crate) struct Rs485;

impl Rs485 {
    /// Opens the line.
    pub(crate) fn start() -> Self {
        RS485.start();
        Self
    }
}

impl ErrorType for Rs485 {
    type Error = Infallible;
}

impl Read for Rs485 {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|context| {
            RS485.waker.register(context.waker());
            let mut read = 0;
            while let Some(place) = room.get_mut(read)
                && let Some(byte) = RS485.take()
            {
                *place = byte;
                read += 1;
            }
            if read > 0 || room.is_empty() {
                Poll::Ready(Ok(read))
            } else {
                Poll::Pending
            }
        })
        .await
    }
}

impl Write for Rs485 {
    /// A line whose other end takes nothing must not hold the board up.
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            while RS485.registers.register(STATE).read() & TX_FULL != 0 {
                Timer::after_millis(1).await;
            }
            RS485.registers.register(DATA).write(u32::from(*byte));
        }
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

fn put(registers: Block, byte: u8) {
    while registers.register(STATE).read() & TX_FULL != 0 {}
    registers.register(DATA).write(u32::from(byte));
}

/// The console: one line an event.
pub(crate) struct Console;

// SAFETY: UART 0 of the AN386.
const CONSOLE: Block = unsafe { Block::at(0x4000_4000) };

impl Console {
    /// Switches it on.
    pub(crate) fn start() {
        CONSOLE.register(BAUDDIV).write(16);
        CONSOLE.register(CTRL).write(0b1);
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| put(CONSOLE, byte));
        Ok(())
    }
}

/// Writes a line to the console.
#[macro_export]
macro_rules! say {
    ($($what:tt)*) => {{
        use core::fmt::Write as _;
        // The console takes everything.
        let _ = writeln!($crate::uart::Console, $($what)*);
    }};
}
