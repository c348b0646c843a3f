//! The emulated board: wires clock, Ethernet, sensors and tasks. It decides nothing.
#![no_std]
#![no_main]

mod bridge;
mod clock;
mod executor;
mod host;
mod kept;
mod lan9118;
mod mmio;
mod room;
mod sbcon;
mod settings;
mod uart;
mod vectors;
mod watchdog;

use core::panic::PanicInfo;

use board_common::{Line, Tcp, Tls, stack, until_tick};
use embassy_executor::Spawner;
use embassy_net::{Runner, Stack, StackResources};
use embassy_time::{Instant, Timer};
use host::HostRandom;
use lan9118::Lan9118;
use muster_node::modbus::{LineTrace, Master};
use muster_node::mqtt::{self, Desk, Identity, RX_BYTES, TX_BYTES};
use muster_node::tls::{Credentials, Rooms, TlsError};
use muster_node::{Boot, Eeprom, Node, NodeSpec, next_boot};
use muster_wire::senml::{FIRMWARE, RESET};
use rand_core::RngCore as _;
use room::{CHANNELS, LINE_AT, SUPPLY_AT, Sensors};
use settings::Settings;
use static_cell::StaticCell;
use uart::Rs485;

/// Samples kept until the gateway has them: ten minutes at one a second.
const STORE: usize = 600;
/// With a tickless guest QEMU's main loop notices new traffic of its host only after 0.5 to 1 s.
const TICK_MS: u64 = 10;
/// Half of the time after which a board that samples or publishes no more is reset.
const WATCHDOG_HALF_MS: u32 = 8_000;
/// Between two reports on the console.
const REPORT_MS: u64 = 5_000;

/// Largest certificate or key that is read. Bytes.
const FILE_BYTES: usize = 1_024;

type NodeDesk = Desk<'static, CHANNELS, STORE>;

#[cortex_m_rt::entry]
fn main() -> ! {
    stack::paint();
    uart::Console::start();
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(what) => panic!("settings: {what}"),
    };
    clock::start(settings.uptime_ms);
    watchdog::start(WATCHDOG_HALF_MS);
    executor::run(|spawner| start(spawner, settings));
}

fn start(spawner: Spawner, settings: Settings) {
    static SETTINGS: StaticCell<Settings> = StaticCell::new();
    static DESK: StaticCell<NodeDesk> = StaticCell::new();
    static BIRTH: StaticCell<[(&str, &str); 2]> = StaticCell::new();
    static TRACE: StaticCell<LineTrace> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<4>> = StaticCell::new();
    let settings: &'static Settings = SETTINGS.init(settings);
    let boot = boot(settings);
    let reset = kept::take().as_str();
    say!(
        "muster node {} of {}, boot {}, after {reset}",
        settings.node,
        settings.site,
        boot.count
    );
    let birth = BIRTH.init([(RESET, reset), (FIRMWARE, env!("CARGO_PKG_VERSION"))]);
    let node = Node::new(spec(settings, boot, birth)).unwrap_or_else(|fault| panic!("{fault}"));
    let desk: &'static NodeDesk = DESK.init(Desk::new(node));
    let trace: &'static LineTrace = TRACE.init(LineTrace::new());
    let ethernet = Lan9118::start().unwrap_or_else(|| panic!("no Ethernet controller"));
    let config = embassy_net::Config::dhcpv4(Default::default());
    let (stack, runner) = embassy_net::new(
        ethernet,
        config,
        RESOURCES.init(StackResources::new()),
        HostRandom.next_u64(),
    );
    let tasks = [
        network(runner).map(|task| spawner.spawn(task)),
        tick().map(|task| spawner.spawn(task)),
        sample(desk, settings).map(|task| spawner.spawn(task)),
        serial(desk, settings, trace).map(|task| spawner.spawn(task)),
        report(desk, settings, trace).map(|task| spawner.spawn(task)),
        publish(desk, settings, stack).map(|task| spawner.spawn(task)),
    ];
    if tasks.iter().any(Result::is_err) {
        panic!("a task was spawned twice");
    }
}

/// This start's number.
fn boot(settings: &Settings) -> Boot {
    let boot = match settings.boot {
        0 => next_boot(&mut Eeprom::new(sbcon::SENSORS), host::unix_s()),
        count => Boot {
            count,
            kept: settings.kept,
        },
    };
    if !boot.kept {
        say!("the boot count cannot be kept: it goes on by the clock, or as the gateway says");
    }
    boot
}

fn spec(
    settings: &'static Settings,
    boot: Boot,
    birth: &'static [(&'static str, &'static str)],
) -> NodeSpec<'static, CHANNELS> {
    let (channels, tick_ms) = room::channels(settings);
    NodeSpec {
        id: &settings.node,
        boot: boot.count,
        boot_kept: boot.kept,
        simulated: settings.simulated,
        sample_ms: tick_ms,
        heartbeat_ms: settings.heartbeat_ms,
        birth,
        channels,
    }
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Lan9118>) {
    runner.run().await
}

#[embassy_executor::task]
async fn tick() {
    loop {
        Timer::after_millis(TICK_MS).await;
    }
}

/// Samples, whatever the network does; and feeds the watchdog if the session turns as well.
#[embassy_executor::task]
async fn sample(desk: &'static NodeDesk, settings: &'static Settings) {
    let chips = room::chips();
    let mut sensors = Sensors::new(&chips, settings.warmup);
    let half = u64::from(WATCHDOG_HALF_MS);
    let mut fed_ms = 0;
    loop {
        desk.tick(Instant::now().as_millis(), &mut sensors.all());
        let now_ms = Instant::now().as_millis();
        if now_ms.saturating_sub(fed_ms) >= half / 2 && desk.has_turned() {
            watchdog::feed();
            fed_ms = now_ms;
        }
        if settings.hang_after_ms > 0 && now_ms.saturating_sub(settings.uptime_ms) > settings.hang_after_ms {
            say!("hanging, as I was told");
            loop {
                cortex_m::asm::nop();
            }
        }
        let look_ms = if settings.room { settings.supply_ms } else { 0 };
        until_tick(desk, look_ms, SUPPLY_AT, || sensors.room.supply()).await;
    }
}

/// Reads the device on the serial line; what it does is nobody else's loss.
#[embassy_executor::task]
async fn serial(desk: &'static NodeDesk, settings: &'static Settings, trace: &'static LineTrace) {
    if let Some(master) = Master::new(Rs485::start(), settings.line, trace) {
        let tell = |values: &[_]| desk.take(Instant::now().as_millis(), LINE_AT, values);
        master.run(tell).await;
    }
}

/// What has happened, for whoever looks.
#[embassy_executor::task]
async fn report(desk: &'static NodeDesk, settings: &'static Settings, trace: &'static LineTrace) {
    loop {
        Timer::after_millis(REPORT_MS).await;
        say!(
            "{} lost {} stack {} B",
            desk.counters(),
            desk.lost(),
            stack::peak_bytes()
        );
        if settings.line.map.is_some() {
            say!("{}", trace.counters());
        }
    }
}

#[embassy_executor::task]
async fn publish(desk: &'static NodeDesk, settings: &'static Settings, stack: Stack<'static>) {
    static RX: StaticCell<[u8; RX_BYTES]> = StaticCell::new();
    static TX: StaticCell<[u8; TX_BYTES]> = StaticCell::new();
    let identity = Identity {
        site: &settings.site,
        node: &settings.node,
    };
    let buffers: (&mut [u8], &mut [u8]) = (RX.init([0; _]), TX.init([0; _]));
    let (line, rng) = (Line::new(settings.broker), HostRandom);
    let ended = if settings.tls.is_empty() {
        say!("plain MQTT: anybody on this network can speak for this node");
        mqtt::run(identity, desk, &mut Tcp { stack, line, rng }, buffers).await
    } else {
        static ROOMS: StaticCell<Rooms> = StaticCell::new();
        let rooms = ROOMS.init(Rooms::new());
        let mut tls = Tls {
            stack,
            line,
            rng,
            credentials: credentials(settings),
            rooms,
            unix_s: host::unix_s,
            refused,
        };
        mqtt::run(identity, desk, &mut tls, buffers).await
    };
    panic!("the session cannot be: {:?}", ended.err());
}

fn refused(error: &TlsError) {
    say!("TLS: {error:?}");
}

/// What `muster enroll` wrote for this node.
fn credentials(settings: &'static Settings) -> Credentials<'static> {
    static CA: StaticCell<[u8; FILE_BYTES]> = StaticCell::new();
    static CERTIFICATE: StaticCell<[u8; FILE_BYTES]> = StaticCell::new();
    let mut key = [0; FILE_BYTES];
    let read = |name, room| host::read_file(&settings.tls, name, room);
    let ca = read("site-ca.der", CA.init([0; _]));
    let certificate = read("node.der", CERTIFICATE.init([0; _]));
    let made = match (
        ca,
        certificate,
        host::read_file(&settings.tls, "node.key.der", &mut key),
    ) {
        (Some(ca), Some(certificate), Some(key)) => Credentials::new(ca, certificate, key, &settings.gateway),
        _ => panic!("no site-ca.der, node.der and node.key.der in {}", settings.tls),
    };
    made.unwrap_or_else(|fault| panic!("{fault}"))
}

/// The watchdog's first time-out. The second resets the board, with the cause noted.
#[cortex_m_rt::exception]
// SAFETY: cortex-m-rt's contract for this handler: it may come at any time, so it touches nothing but its own note.
unsafe fn NonMaskableInt() {
    kept::note(kept::Reset::Watchdog);
    loop {
        cortex_m::asm::nop();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say!("{info}");
    kept::note(kept::Reset::Panic);
    // A node that cannot go on begins anew: what it had is gone, and its boot count says so.
    cortex_m::peripheral::SCB::sys_reset();
}
