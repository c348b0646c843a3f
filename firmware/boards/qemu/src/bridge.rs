//! I2C to chips that the emulator does not have: every transaction goes over UART 1 to models on the host.
//!
//! Request: `A5`, address, number of operations, then of each `01` and a length (read) or `00`, a length and bytes (write).
//! Answer: `5A`, status (0 done, 1 no such address, 2 data not taken), and all that was read. Lengths are one byte.

use embassy_time::{Duration, Instant};
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{Error, ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};

use crate::mmio::Block;
use crate::uart::BRIDGE;

const REQUEST: u8 = 0xA5;
const ANSWER: u8 = 0x5A;
/// The models answer within this, or they are not there. Usually it is 1 to 10 ms, and more on a host that is busy.
const WITHIN: Duration = Duration::from_millis(500);

/// The bus.
#[derive(Clone, Copy)]
pub(crate) struct Bridge;

/// What can go wrong on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BridgeFault {
    /// Nobody answers to the address.
    Address,
    /// A byte was not taken.
    Data,
    /// The models are not there, or answer nonsense.
    Line,
}

impl Error for BridgeFault {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Address => ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address),
            Self::Data => ErrorKind::NoAcknowledge(NoAcknowledgeSource::Data),
            Self::Line => ErrorKind::Bus,
        }
    }
}

impl ErrorType for Bridge {
    type Error = BridgeFault;
}

impl Bridge {
    /// Opens the line.
    pub(crate) fn start() -> Self {
        BRIDGE.start();
        Self
    }
}

fn next(until: Instant) -> Result<u8, BridgeFault> {
    let _awake = Awake::start();
    loop {
        if let Some(byte) = critical_section::with(|_| taken_or_slept()) {
            return Ok(byte);
        }
        if Instant::now() > until {
            return Err(BridgeFault::Line);
        }
    }
}

/// With interrupts held back, so that no byte can come between the look and the sleep; WFI wakes all the same.
fn taken_or_slept() -> Option<u8> {
    let byte = BRIDGE.take();
    if byte.is_none() {
        cortex_m::asm::wfi();
    }
    byte
}

fn length(bytes: &[u8]) -> Result<u8, BridgeFault> {
    u8::try_from(bytes.len()).map_err(|_| BridgeFault::Data)
}

fn ask(address: u8, operations: &[Operation<'_>]) -> Result<(), BridgeFault> {
    // What is left of an answer that came too late.
    while BRIDGE.take().is_some() {}
    let parts = u8::try_from(operations.len()).map_err(|_| BridgeFault::Data)?;
    BRIDGE.send(&[REQUEST, address, parts]);
    for operation in operations {
        match operation {
            Operation::Read(room) => BRIDGE.send(&[1, length(room)?]),
            Operation::Write(bytes) => {
                BRIDGE.send(&[0, length(bytes)?]);
                BRIDGE.send(bytes);
            }
        }
    }
    Ok(())
}

impl I2c for Bridge {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), BridgeFault> {
        ask(address, operations)?;
        let until = Instant::now() + WITHIN;
        match (next(until)?, next(until)?) {
            (ANSWER, 0) => {}
            (ANSWER, 1) => return Err(BridgeFault::Address),
            (ANSWER, 2) => return Err(BridgeFault::Data),
            _ => return Err(BridgeFault::Line),
        }
        for operation in operations {
            if let Operation::Read(room) = operation {
                for byte in room.iter_mut() {
                    *byte = next(until)?;
                }
            }
        }
        Ok(())
    }
}

/// Waits without letting anything else run: what chips ask for is at most 30 ms.
#[derive(Clone, Copy)]
pub(crate) struct Wait;

impl DelayNs for Wait {
    fn delay_ns(&mut self, ns: u32) {
        let until = Instant::now() + Duration::from_micros(u64::from(ns / 1_000 + 1));
        let _awake = Awake::start();
        while Instant::now() < until {
            cortex_m::asm::wfi();
        }
    }
}

// SAFETY: SysTick of every Cortex-M; nobody else here uses it.
const SYSTICK: Block = unsafe { Block::at(0xE000_E010) };
const CTRL: usize = 0x0;
const RELOAD: usize = 0x4;
const VALUE: usize = 0x8;
/// A millisecond of the AN386's 25 MHz.
const TICKS: u32 = 25_000;

/// Wakes the processor every millisecond while it lives. Waiting in a loop instead took a core of the host's.
struct Awake;

impl Awake {
    fn start() -> Self {
        SYSTICK.register(RELOAD).write(TICKS - 1);
        SYSTICK.register(VALUE).write(0);
        // Counts processor ticks, with an interrupt.
        SYSTICK.register(CTRL).write(0b111);
        Self
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        SYSTICK.register(CTRL).write(0);
    }
}

/// Only wakes.
#[cortex_m_rt::exception]
fn SysTick() {}
