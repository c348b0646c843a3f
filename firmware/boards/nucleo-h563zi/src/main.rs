//! The NUCLEO-H563ZI: wires clock, Ethernet, sensors and tasks. It decides nothing. Linked, and never run on a board yet.
#![no_std]
#![no_main]

mod chip;
mod console;
mod given;

use core::cell::RefCell;

use board_common::{Line, Tls, stack, until_tick};
use chip::{Bus, Device, Pins, Rs485};
use embassy_executor::Spawner;
use embassy_net::{Runner, Stack, StackResources};
use embassy_stm32::gpio::Output;
use embassy_stm32::peripherals::{IWDG, RNG};
use embassy_stm32::rng::Rng;
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_time::{Delay, Duration, Instant, Timer};
use embedded_hal_bus::i2c::RefCellDevice;
use given::{CHANNELS, Given, LINE_AT};
use muster_node::modbus::{LineTrace, Master};
use muster_node::mqtt::{self, Desk, Identity, RX_BYTES, TX_BYTES};
use muster_node::sensors::{Chips, Room, SUPPLY};
use muster_node::tls::{Rooms, TlsError};
use muster_node::{Boot, Eeprom, Node, NodeSpec, next_boot};
use muster_wire::senml::{FIRMWARE, RESET};
use static_cell::StaticCell;

/// Samples kept until the gateway has them: ten minutes at one a second.
const STORE: usize = 600;
/// A board that samples or publishes no more is reset after this.
const WATCHDOG: Duration = Duration::from_secs(16);
/// Between two reports on the console, each of which takes its line some 10 ms.
const REPORT: Duration = Duration::from_secs(60);

type NodeDesk = Desk<'static, CHANNELS, STORE>;
type Watchdog = IndependentWatchdog<'static, IWDG>;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static GIVEN: StaticCell<Given> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<4>> = StaticCell::new();
    static TRACE: StaticCell<LineTrace> = StaticCell::new();
    stack::paint();
    // Before anything else clears it.
    let reset = chip::reset_cause();
    let pins = Pins::start();
    console::start(pins.console, pins.red);
    let mut watchdog = Watchdog::new(pins.watchdog, WATCHDOG.as_micros() as u32);
    watchdog.unleash();
    let given: &'static Given = GIVEN.init(Given::read().unwrap_or_else(|fault| panic!("{fault}")));
    if let Some(fault) = given.damaged {
        say!("{fault}: this is its spare");
    }
    let settings = &given.settings;
    let mut sensors = pins.sensors;
    let boot = boot(&mut sensors);
    say!(
        "muster node {} of {}, boot {}, after {reset}",
        settings.node,
        settings.site,
        boot.count
    );
    let desk = desk(given, boot, reset);
    let trace: &'static LineTrace = TRACE.init(LineTrace::new());
    let mut rng = pins.rng;
    let config = embassy_net::Config::dhcpv4(Default::default());
    let ethernet = pins.ethernet.start(settings.node);
    let resources = RESOURCES.init(StackResources::new());
    let (stack, runner) = embassy_net::new(ethernet, config, resources, rand_core::RngCore::next_u64(&mut rng));
    let tasks = [
        network(runner).map(|task| spawner.spawn(task)),
        sample(desk, given, sensors, pins.string, pins.green, watchdog).map(|task| spawner.spawn(task)),
        publish(desk, given, stack, rng).map(|task| spawner.spawn(task)),
        serial(desk, given, pins.line, trace).map(|task| spawner.spawn(task)),
        report(desk, given, trace).map(|task| spawner.spawn(task)),
    ];
    if tasks.iter().any(Result::is_err) {
        panic!("a task was spawned twice");
    }
}

/// This start's number.
fn boot(sensors: &mut Bus) -> Boot {
    let boot = next_boot(&mut Eeprom::new(sensors), 0);
    if !boot.kept {
        say!(
            "the boot count cannot be kept: the first packs are refused, until the gateway says how far it has to be raised. \
             Look at the EEPROM"
        );
    }
    boot
}

fn desk(given: &'static Given, boot: Boot, reset: &'static str) -> &'static NodeDesk {
    static DESK: StaticCell<NodeDesk> = StaticCell::new();
    static BIRTH: StaticCell<[(&str, &str); 2]> = StaticCell::new();
    let settings = &given.settings;
    let (channels, tick_ms) = given::channels(settings);
    let node = Node::new(NodeSpec {
        id: settings.node,
        boot: boot.count,
        boot_kept: boot.kept,
        simulated: settings.simulated,
        sample_ms: tick_ms,
        heartbeat_ms: settings.heartbeat_ms,
        birth: BIRTH.init([(RESET, reset), (FIRMWARE, env!("CARGO_PKG_VERSION"))]),
        channels,
    });
    DESK.init(Desk::new(node.unwrap_or_else(|fault| panic!("{fault}"))))
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Device>) {
    runner.run().await
}

/// Samples, whatever the network does; and feeds the watchdog if the session turns as well.
#[embassy_executor::task]
async fn sample(
    desk: &'static NodeDesk,
    given: &'static Given,
    sensors: Bus,
    string: Bus,
    mut alive: Output<'static>,
    mut watchdog: Watchdog,
) {
    let settings = &given.settings;
    let bus = RefCell::new(sensors);
    let chips = Chips::new(|| RefCellDevice::new(&bus), string, Delay, &settings.scales);
    let mut room = Room::new(
        &chips,
        RefCellDevice::new(&bus),
        Delay,
        &settings.scales,
        settings.warmup,
    );
    let mut fed = Instant::now();
    loop {
        desk.tick(Instant::now().as_millis(), &mut room.all());
        alive.toggle();
        if fed.elapsed() >= WATCHDOG / 4 && desk.has_turned() {
            watchdog.pet();
            fed = Instant::now();
        }
        until_tick(desk, settings.supply_ms, SUPPLY, || room.supply()).await;
    }
}

/// Reads the device on the serial line; what it does is nobody else's loss.
#[embassy_executor::task]
async fn serial(desk: &'static NodeDesk, given: &'static Given, line: Rs485, trace: &'static LineTrace) {
    let settings = given.settings.line;
    if settings.map.is_some()
        && let Some(master) = Master::new(line.start(&settings), settings, trace)
    {
        let tell = |values: &[_]| desk.take(Instant::now().as_millis(), LINE_AT, values);
        master.run(tell).await;
    }
}

/// What has happened, for whoever looks.
#[embassy_executor::task]
async fn report(desk: &'static NodeDesk, given: &'static Given, trace: &'static LineTrace) {
    loop {
        Timer::after(REPORT).await;
        say!(
            "{} lost {} stack {} B",
            desk.counters(),
            desk.lost(),
            stack::peak_bytes()
        );
        if given.settings.line.map.is_some() {
            say!("{}", trace.counters());
        }
    }
}

#[embassy_executor::task]
async fn publish(desk: &'static NodeDesk, given: &'static Given, stack: Stack<'static>, rng: Rng<'static, RNG>) {
    static RX: StaticCell<[u8; RX_BYTES]> = StaticCell::new();
    static TX: StaticCell<[u8; TX_BYTES]> = StaticCell::new();
    static ROOMS: StaticCell<Rooms> = StaticCell::new();
    let settings = &given.settings;
    let identity = Identity {
        site: settings.site,
        node: settings.node,
    };
    let mut tls = Tls {
        stack,
        line: Line::new(settings.broker),
        rng,
        credentials: given.credentials().unwrap_or_else(|fault| panic!("{fault}")),
        rooms: ROOMS.init(Rooms::new()),
        // No clock: dates are not checked here. The gateway refuses what has expired or is revoked.
        unix_s: || 0,
        refused,
    };
    let ended = mqtt::run(identity, desk, &mut tls, (RX.init([0; _]), TX.init([0; _]))).await;
    panic!("the session cannot be: {:?}", ended.err());
}

fn refused(error: &TlsError) {
    say!("TLS: {error:?}");
}
