//! The chip: its clocks, and which pin does what. Where each is from: hardware/boards/nucleo-h563zi.

use embassy_stm32::eth::{self, Ethernet, GenericPhy, PacketQueue, Sma};
use embassy_stm32::gpio::{Level, Output, Speed};
use embassy_stm32::i2c::{self, I2c, Master};
use embassy_stm32::mode::Blocking;
use embassy_stm32::peripherals::{
    ETH, ETH_SMA, IWDG, PA1, PA2, PA7, PB15, PC1, PC4, PC5, PD4, PD5, PD6, PG11, PG13, RNG, USART2,
};
use embassy_stm32::rcc::{HSIPrescaler, Pll, PllDiv, PllMul, PllPreDiv, PllSource, Sysclk, VoltageScale};
use embassy_stm32::rng::{self, Rng};
use embassy_stm32::time::Hertz;
use embassy_stm32::usart::{self, BufferedUart, UartTx};
use embassy_stm32::{Config, Peri, bind_interrupts, pac};
use embassy_time::Duration;
use muster_node::modbus::{LineSettings, Parity};
use static_cell::StaticCell;

bind_interrupts!(struct Irqs {
    ETH => eth::InterruptHandler;
    RNG => rng::InterruptHandler<RNG>;
    USART2 => usart::BufferedInterruptHandler<USART2>;
});

/// The network's hardware.
pub(crate) type Device = Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>;
/// An I2C bus.
pub(crate) type Bus = I2c<'static, Blocking, Master>;
/// The way to whoever looks at the board.
pub(crate) type Console = UartTx<'static, Blocking>;

/// A transaction is given up after this: the longest, a page of the EEPROM at 100 kHz, takes 3.2 ms.
const BUS_WITHIN: Duration = Duration::from_millis(20);
/// Of both buses: cables of a metre.
const BUS_HZ: u32 = 100_000;
const CONSOLE_BAUD: u32 = 115_200;
/// The longest answer of a Modbus device. Bytes.
const LINE_BYTES: usize = 256;
/// The driver of the line is on this long before the first bit and behind the last one. Sixteenths of a bit.
const DRIVER_LEAD: u8 = 16;

/// What the board has, ready to be used.
pub(crate) struct Pins {
    pub(crate) watchdog: Peri<'static, IWDG>,
    pub(crate) console: Console,
    /// LD1 and LD3.
    pub(crate) green: Output<'static>,
    pub(crate) red: Output<'static>,
    pub(crate) sensors: Bus,
    pub(crate) string: Bus,
    pub(crate) rng: Rng<'static, RNG>,
    pub(crate) ethernet: Rmii,
    pub(crate) line: Rs485,
}

/// The pins of the RS-485 line.
pub(crate) struct Rs485 {
    usart: Peri<'static, USART2>,
    rx: Peri<'static, PD6>,
    tx: Peri<'static, PD5>,
    /// Switches the transceiver: driver on, receiver off. The USART does it by itself.
    de: Peri<'static, PD4>,
}

/// The pins of the network.
pub(crate) struct Rmii {
    eth: Peri<'static, ETH>,
    sma: Peri<'static, ETH_SMA>,
    ref_clk: Peri<'static, PA1>,
    crs_dv: Peri<'static, PA7>,
    rxd: (Peri<'static, PC4>, Peri<'static, PC5>),
    txd: (Peri<'static, PG13>, Peri<'static, PB15>),
    tx_en: Peri<'static, PG11>,
    mdio: Peri<'static, PA2>,
    mdc: Peri<'static, PC1>,
}

impl Pins {
    pub(crate) fn start() -> Self {
        let p = embassy_stm32::init(clocks());
        let mut serial = usart::Config::default();
        serial.baudrate = CONSOLE_BAUD;
        let console = UartTx::new_blocking(p.USART3, p.PD8, serial);
        Self {
            watchdog: p.IWDG,
            console: console.unwrap_or_else(|_| panic!("USART3 cannot do {CONSOLE_BAUD} baud")),
            green: Output::new(p.PB0, Level::Low, Speed::Low),
            red: Output::new(p.PG4, Level::Low, Speed::Low),
            sensors: I2c::new_blocking(p.I2C1, p.PB8, p.PB9, bus()),
            string: I2c::new_blocking(p.I2C2, p.PF1, p.PF0, bus()),
            rng: Rng::new(p.RNG, Irqs),
            ethernet: Rmii {
                eth: p.ETH,
                sma: p.ETH_SMA,
                ref_clk: p.PA1,
                crs_dv: p.PA7,
                rxd: (p.PC4, p.PC5),
                txd: (p.PG13, p.PB15),
                tx_en: p.PG11,
                mdio: p.PA2,
                mdc: p.PC1,
            },
            line: Rs485 {
                usart: p.USART2,
                rx: p.PD6,
                tx: p.PD5,
                de: p.PD4,
            },
        }
    }
}

impl Rs485 {
    /// Opens the line as the device on it wants it.
    pub(crate) fn start(self, settings: &LineSettings) -> BufferedUart<'static> {
        static RX: StaticCell<[u8; LINE_BYTES]> = StaticCell::new();
        static TX: StaticCell<[u8; LINE_BYTES]> = StaticCell::new();
        let mut serial = usart::Config::default();
        serial.baudrate = settings.baud;
        serial.parity = match settings.parity {
            Parity::None => usart::Parity::ParityNone,
            Parity::Even => usart::Parity::ParityEven,
            Parity::Odd => usart::Parity::ParityOdd,
        };
        serial.de_assertion_time = DRIVER_LEAD;
        serial.de_deassertion_time = DRIVER_LEAD;
        let (tx, rx) = (TX.init([0; _]), RX.init([0; _]));
        BufferedUart::new_with_de(self.usart, self.rx, self.tx, self.de, Irqs, tx, rx, serial)
            .unwrap_or_else(|_| panic!("USART2 cannot do {} baud", settings.baud))
    }
}

/// 250 MHz from the chip's own 64 MHz: a node must not need the clock of its debugger.
fn clocks() -> Config {
    let mut config = Config::default();
    config.rcc.hsi = Some(HSIPrescaler::DIV1);
    // Random numbers need it.
    config.rcc.hsi48 = Some(Default::default());
    config.rcc.pll1 = Some(Pll {
        source: PllSource::HSI,
        prediv: PllPreDiv::DIV16,
        mul: PllMul::MUL125,
        divp: Some(PllDiv::DIV2),
        divq: Some(PllDiv::DIV2),
        divr: None,
    });
    config.rcc.sys = Sysclk::PLL1_P;
    config.rcc.voltage_scale = VoltageScale::Scale0;
    config
}

fn bus() -> i2c::Config {
    let mut config = i2c::Config::default();
    config.frequency = Hertz(BUS_HZ);
    config.timeout = BUS_WITHIN;
    config
}

impl Rmii {
    /// Starts it under an address made from the node's name: the same after each start, and another for each node.
    pub(crate) fn start(self, node: &str) -> Device {
        static PACKETS: StaticCell<PacketQueue<4, 4>> = StaticCell::new();
        Ethernet::new(
            PACKETS.init(PacketQueue::new()),
            self.eth,
            Irqs,
            self.ref_clk,
            self.crs_dv,
            self.rxd.0,
            self.rxd.1,
            self.txd.0,
            self.txd.1,
            self.tx_en,
            address(node),
            self.sma,
            self.mdio,
            self.mdc,
        )
    }
}

/// Locally administered (bit 1 of the first byte), and FNV-1a of the name.
fn address(node: &str) -> [u8; 6] {
    let hash = node.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    let [a, b, c, d, e, ..] = hash.to_be_bytes();
    [0x02, a, b, c, d, e]
}

/// The word for the birth message; asked once, for it clears the flags (RM0481, RCC reset status). The pin's flag is set
/// with every other one too, so it comes last.
pub(crate) fn reset_cause() -> &'static str {
    let status = pac::RCC.rsr().read();
    pac::RCC.rsr().write(|flags| flags.set_rmvf(true));
    match () {
        () if status.iwdgrstf() => "watchdog",
        () if status.sftrstf() => "panic",
        () if status.borrstf() => "power",
        () => "pin",
    }
}
