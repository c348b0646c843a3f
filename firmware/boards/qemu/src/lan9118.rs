//! The LAN9118 Ethernet controller as QEMU plays it, for embassy-net.
//!
//! Registers: SMSC LAN9118 datasheet, chapter 5. What QEMU leaves out is not used: no FIFO levels, no flow control.

use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken};
use embassy_sync::waitqueue::AtomicWaker;

use crate::mmio::Block;
use crate::vectors::Irq;

// SAFETY: the LAN9118 of the AN386.
const LAN: Block = unsafe { Block::at(0x4020_0000) };
const RX_DATA: usize = 0x00;
const TX_DATA: usize = 0x20;
const RX_STATUS: usize = 0x40;
const TX_STATUS: usize = 0x48;
const IRQ_CFG: usize = 0x54;
const INT_STS: usize = 0x58;
const INT_EN: usize = 0x5C;
const BYTE_TEST: usize = 0x64;
const FIFO_INT: usize = 0x68;
const RX_CFG: usize = 0x6C;
const TX_CFG: usize = 0x70;
const HW_CFG: usize = 0x74;
const RX_DP_CTRL: usize = 0x78;
const RX_FIFO_INF: usize = 0x7C;
const TX_FIFO_INF: usize = 0x80;
const MAC_CSR_CMD: usize = 0xA4;
const MAC_CSR_DATA: usize = 0xA8;

/// Indirect registers of the MAC.
const MAC_CR: u32 = 1;
const ADDRH: u32 = 2;
const ADDRL: u32 = 3;
const MII_ACC: u32 = 6;
const MII_DATA: u32 = 7;

/// Received frames wait.
const RX_STATUS_LEVEL: u32 = 1 << 3;
/// The PHY's basic status register, and its bit for a link.
const PHY_BASIC_STATUS: u32 = 1;
const PHY_LINK: u32 = 1 << 2;
/// Frame of the largest size, without its check sum.
const FRAME_BYTES: usize = 1514;
/// The check sum a received frame ends with.
const FCS_BYTES: usize = 4;

static WAKER: AtomicWaker = AtomicWaker::new();

/// A frame has come: no more interrupts until it has been fetched.
pub(crate) fn interrupted() {
    LAN.register(INT_EN).write(0);
    WAKER.wake();
}

/// The controller.
pub(crate) struct Lan9118 {
    address: [u8; 6],
    rx: [u8; FRAME_BYTES + FCS_BYTES + 4],
    tx: [u8; FRAME_BYTES + 4],
}

impl Lan9118 {
    /// Resets and starts it; `None` if there is none.
    pub(crate) fn start() -> Option<Self> {
        if LAN.register(BYTE_TEST).read() != 0x8765_4321 {
            return None;
        }
        LAN.register(HW_CFG).write(1);
        while LAN.register(HW_CFG).read() & 1 != 0 {}
        LAN.register(HW_CFG).write(5 << 16);
        for (register, value) in [(FIFO_INT, 0), (RX_CFG, 0), (INT_EN, 0), (INT_STS, u32::MAX)] {
            LAN.register(register).write(value);
        }
        // Enabled, active high, push-pull: anything else inverts the line, which is an interrupt for ever.
        LAN.register(IRQ_CFG).write(0x111);
        LAN.register(TX_CFG).write(2);
        let address = address();
        // Full duplex, transmitter and receiver on.
        mac_write(MAC_CR, 1 << 20 | 1 << 3 | 1 << 2);
        LAN.register(INT_EN).write(RX_STATUS_LEVEL);
        Irq::Ethernet.enable();
        Some(Self {
            address,
            rx: [0; _],
            tx: [0; _],
        })
    }
}

fn address() -> [u8; 6] {
    let (low, high) = (mac_read(ADDRL).to_le_bytes(), mac_read(ADDRH).to_le_bytes());
    [low[0], low[1], low[2], low[3], high[0], high[1]]
}

fn mac_read(register: u32) -> u32 {
    LAN.register(MAC_CSR_CMD).write(1 << 31 | 1 << 30 | register);
    while LAN.register(MAC_CSR_CMD).read() & 1 << 31 != 0 {}
    LAN.register(MAC_CSR_DATA).read()
}

fn mac_write(register: u32, value: u32) {
    LAN.register(MAC_CSR_DATA).write(value);
    LAN.register(MAC_CSR_CMD).write(1 << 31 | register);
    while LAN.register(MAC_CSR_CMD).read() & 1 << 31 != 0 {}
}

fn link_is_up() -> bool {
    // The PHY at address 1.
    mac_write(MII_ACC, 1 << 11 | PHY_BASIC_STATUS << 6 | 1);
    while mac_read(MII_ACC) & 1 != 0 {}
    mac_read(MII_DATA) & PHY_LINK != 0
}

fn frames_waiting() -> bool {
    LAN.register(RX_FIFO_INF).read() >> 16 & 0xFF != 0
}

/// Fetches the next frame into `rx`; its length without the check sum, 0 for one that was damaged.
fn fetch(rx: &mut [u8]) -> usize {
    let status = LAN.register(RX_STATUS).read();
    let bytes = (status >> 16 & 0x3FFF) as usize;
    let words = bytes.div_ceil(4);
    if status & 1 << 15 != 0 || words * 4 > rx.len() {
        LAN.register(RX_DP_CTRL).write(1 << 31);
        return 0;
    }
    for word in rx.chunks_exact_mut(4).take(words) {
        word.copy_from_slice(&LAN.register(RX_DATA).read().to_le_bytes());
    }
    bytes.saturating_sub(FCS_BYTES)
}

fn send(frame: &[u8]) {
    let bytes = frame.len() as u32;
    LAN.register(TX_DATA).write(1 << 13 | 1 << 12 | bytes);
    LAN.register(TX_DATA).write(bytes);
    for word in frame.chunks(4) {
        let mut padded = [0; 4];
        padded[..word.len()].copy_from_slice(word);
        LAN.register(TX_DATA).write(u32::from_le_bytes(padded));
    }
    while LAN.register(TX_FIFO_INF).read() >> 16 & 0xFF != 0 {
        LAN.register(TX_STATUS).read();
    }
}

/// A frame that has been fetched.
pub(crate) struct Received<'a>(&'a mut [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// Room for a frame to send.
pub(crate) struct Sending<'a>(&'a mut [u8]);

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let frame = &mut self.0[..len];
        let result = f(frame);
        send(frame);
        result
    }
}

impl Driver for Lan9118 {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(Received<'_>, Sending<'_>)> {
        WAKER.register(cx.waker());
        while frames_waiting() {
            let bytes = fetch(&mut self.rx);
            if bytes > 0 {
                return Some((Received(&mut self.rx[..bytes]), Sending(&mut self.tx)));
            }
        }
        LAN.register(INT_STS).write(RX_STATUS_LEVEL);
        LAN.register(INT_EN).write(RX_STATUS_LEVEL);
        // One may have come between the last look and now.
        if frames_waiting() {
            cx.waker().wake_by_ref();
        }
        None
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<Sending<'_>> {
        Some(Sending(&mut self.tx))
    }

    fn link_state(&mut self, cx: &mut Context<'_>) -> LinkState {
        WAKER.register(cx.waker());
        if link_is_up() { LinkState::Up } else { LinkState::Down }
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME_BYTES;
        capabilities.max_burst_size = Some(1);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}
