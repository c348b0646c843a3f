//! What this board is told when it starts: the emulator's `-append "key=value …"`.

use core::net::{Ipv4Addr, SocketAddrV4};

use heapless::String;
use muster_node::Schedule;
use muster_node::modbus::LineSettings;
use muster_wire::MAX_ID_BYTES;
use semihosting::experimental::env;

/// Room for all arguments. Bytes.
const ARGUMENTS_BYTES: usize = 512;

/// Text of an id's length.
pub(crate) type Id = String<MAX_ID_BYTES>;

/// Who this board is and whom it speaks to.
pub(crate) struct Settings {
    pub(crate) site: Id,
    pub(crate) node: Id,
    pub(crate) broker: SocketAddrV4,
    /// Folder on the host with `site-ca.der`, `node.der` and `node.key.der`; empty for plain TCP.
    pub(crate) tls: String<96>,
    /// The gateway's name in its certificate.
    pub(crate) gateway: String<64>,
    /// Boot count from outside; 0 = from the memory on the board.
    pub(crate) boot: u64,
    /// `kept=no`: that one is of a memory that has failed.
    pub(crate) kept: bool,
    pub(crate) sample_ms: u64,
    pub(crate) heartbeat_ms: u64,
    /// Every reading says that it is simulated; `simulated=no` for a site that is to believe this board.
    pub(crate) simulated: bool,
    /// Whether the room's sensors are there (`room=yes`): models of them, on UART 1.
    pub(crate) room: bool,
    /// Periods of single channels of the room.
    pub(crate) schedule: Schedule,
    /// Between two looks at the room's supply; 0 = it is not measured.
    pub(crate) supply_ms: u64,
    /// The device on the serial line (UART 2), if there is one.
    pub(crate) line: LineSettings,
    /// Samples of a gas sensor that are not believed after a start.
    pub(crate) warmup: u32,
    /// For tests: as if the board had been up for so long.
    pub(crate) uptime_ms: u64,
    /// For tests: after so long sampling hangs, and with it the board. 0 = never.
    pub(crate) hang_after_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            site: Id::new(),
            node: Id::new(),
            // The emulator's host.
            broker: SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, 2), 1883),
            tls: String::new(),
            gateway: String::new(),
            boot: 0,
            kept: true,
            sample_ms: 1_000,
            heartbeat_ms: 5_000,
            simulated: true,
            room: false,
            schedule: Schedule::default(),
            supply_ms: 0,
            line: LineSettings::default(),
            warmup: 60,
            uptime_ms: 0,
            hang_after_ms: 0,
        }
    }
}

impl Settings {
    /// Reads them; `Err` is the argument that cannot be understood, or what is missing.
    pub(crate) fn read() -> Result<Self, String<64>> {
        let mut settings = Self::default();
        let cut = |text: &str| text.chars().take(60).collect();
        let args = env::args::<ARGUMENTS_BYTES>().map_err(|_| cut("no arguments to be had"))?;
        for argument in (&args).into_iter().skip(1) {
            let argument = argument.map_err(|_| cut("not text"))?;
            settings.take(argument).ok_or_else(|| cut(argument))?;
        }
        Ok(settings)
    }

    fn take(&mut self, argument: &str) -> Option<()> {
        let (key, value) = argument.split_once('=')?;
        match key {
            "site" => self.site = value.try_into().ok()?,
            "node" => self.node = value.try_into().ok()?,
            "port" => self.broker.set_port(value.parse().ok()?),
            "broker" => self.broker.set_ip(value.parse().ok()?),
            "tls" => self.tls = value.try_into().ok()?,
            "gateway" => self.gateway = value.try_into().ok()?,
            "boot" => self.boot = value.parse().ok()?,
            "kept" => self.kept = value != "no",
            "sample_ms" => self.sample_ms = value.parse().ok()?,
            "heartbeat_ms" => self.heartbeat_ms = value.parse().ok()?,
            "room" => self.room = value == "yes",
            "supply_ms" => self.supply_ms = value.parse().ok()?,
            "warmup" => self.warmup = value.parse().ok()?,
            "simulated" => self.simulated = value != "no",
            "hang_after_ms" => self.hang_after_ms = value.parse().ok()?,
            "uptime_ms" => self.uptime_ms = value.parse().ok()?,
            _ => return self.schedule.take(key, value).or_else(|| self.line.take(key, value)),
        }
        Some(())
    }
}
