//! The NUCLEO-H563ZI: wires clock, Ethernet, sensors and tasks. It decides nothing. Linked, and never run on a board yet.
#![no_std]
#![no_main]

mod chip;
mod console;
mod given;

use core::cell::RefCell;

use board_common::{Line, Tls};
use chip::{Bus, Device, Pins};
use embassy_executor::Spawner;
use embassy_net::{Runner, Stack, StackResources};
use embassy_stm32::gpio::Output;
use embassy_stm32::peripherals::{IWDG, RNG};
use embassy_stm32::rng::Rng;
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_time::{Delay, Duration, Instant, Timer};
use embedded_hal_bus::i2c::RefCellDevice;
use given::Given;
use muster_node::mqtt::{self, Desk, Identity, RX_BYTES, TX_BYTES};
use muster_node::sensors::{Chips, ROOM_CHANNELS, Room, Supply};
use muster_node::tls::{Rooms, TlsError};
use muster_node::{Eeprom, Node, NodeSpec, next_boot};
use muster_wire::senml::{FIRMWARE, RESET};
use static_cell::StaticCell;

/// Samples kept until the gateway has them: ten minutes at one a second.
const STORE: usize = 600;
/// A board that samples or publishes no more is reset after this.
const WATCHDOG: Duration = Duration::from_secs(16);

type NodeDesk = Desk<'static, ROOM_CHANNELS, STORE>;
type Watchdog = IndependentWatchdog<'static, IWDG>;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static GIVEN: StaticCell<Given> = StaticCell::new();
    static RESOURCES: StaticCell<StackResources<4>> = StaticCell::new();
    // Before anything else clears it.
    let reset = chip::reset_cause();
    let pins = Pins::start();
    console::start(pins.console, pins.red);
    let mut watchdog = Watchdog::new(pins.watchdog, WATCHDOG.as_micros() as u32);
    watchdog.unleash();
    let given: &'static Given = GIVEN.init(Given::read().unwrap_or_else(|fault| panic!("{fault}")));
    let settings = &given.settings;
    let mut sensors = pins.sensors;
    let boot = next_boot(&mut Eeprom::new(&mut sensors), 0);
    if !boot.kept {
        say!(
            "the boot count cannot be kept: the gateway will take what this node says for a replay. Look at the EEPROM"
        );
    }
    say!(
        "muster node {} of {}, boot {}, after {reset}",
        settings.node,
        settings.site,
        boot.count
    );
    let desk = desk(given, boot.count, reset);
    let mut rng = pins.rng;
    let config = embassy_net::Config::dhcpv4(Default::default());
    let ethernet = pins.ethernet.start(settings.node);
    let resources = RESOURCES.init(StackResources::new());
    let (stack, runner) = embassy_net::new(ethernet, config, resources, rand_core::RngCore::next_u64(&mut rng));
    let tasks = [
        network(runner).map(|task| spawner.spawn(task)),
        sample(desk, given, sensors, pins.string, pins.green, watchdog).map(|task| spawner.spawn(task)),
        publish(desk, given, stack, rng).map(|task| spawner.spawn(task)),
    ];
    if tasks.iter().any(Result::is_err) {
        panic!("a task was spawned twice");
    }
}

fn desk(given: &'static Given, boot: u64, reset: &'static str) -> &'static NodeDesk {
    static DESK: StaticCell<NodeDesk> = StaticCell::new();
    static BIRTH: StaticCell<[(&str, &str); 2]> = StaticCell::new();
    let settings = &given.settings;
    let node = Node::new(NodeSpec {
        id: settings.node,
        boot,
        simulated: settings.simulated,
        sample_ms: settings.sample_ms,
        heartbeat_ms: settings.heartbeat_ms,
        birth: BIRTH.init([(RESET, reset), (FIRMWARE, env!("CARGO_PKG_VERSION"))]),
        channels: given::channels(settings),
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
    let mut own = Supply::new(chips.input(2), settings.supply_divider_milli);
    let mut room = Room::new(
        &chips,
        RefCellDevice::new(&bus),
        Delay,
        &settings.scales,
        settings.warmup,
    );
    let mut fed = Instant::now();
    loop {
        desk.tick(Instant::now().as_millis(), &mut room.all(&mut own));
        alive.toggle();
        if fed.elapsed() >= WATCHDOG / 4 && desk.has_turned() {
            watchdog.pet();
            fed = Instant::now();
        }
        Timer::at(Instant::from_millis(desk.next_tick_ms())).await;
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
