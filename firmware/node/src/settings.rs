//! Settings of a board with the sensors of a room, as text: one `key=value` a line, `#` begins a remark.

use core::net::SocketAddrV4;

use muster_wire::{MICRO, Micro, is_id};

use crate::Schedule;
use crate::sensors::Scales;

/// What a board is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings<'t> {
    /// The site's id.
    pub site: &'t str,
    /// The node's id, as in its certificate.
    pub node: &'t str,
    /// Where the gateway listens.
    pub broker: SocketAddrV4,
    /// Its name in its certificate: a host name of at most 64 characters.
    pub gateway: &'t str,
    /// Between two samples. Milliseconds.
    pub sample_ms: u64,
    /// Between two reports of all channels. Milliseconds.
    pub heartbeat_ms: u64,
    /// Samples of a gas sensor that are not believed after a start.
    pub warmup: u32,
    /// Every reading says that it is simulated: for a bench.
    pub simulated: bool,
    /// Whether the string's voltage and current are measured.
    pub string: bool,
    /// Between two looks at the supply. Milliseconds; 0 = at each sample only.
    pub supply_ms: u64,
    /// Below this the supply sags. Millivolts.
    pub supply_alarm_mv: u32,
    /// Periods of single channels.
    pub schedule: Schedule,
    /// The device on the serial line, if there is one.
    #[cfg(feature = "modbus")]
    pub line: crate::modbus::LineSettings,
    /// What calibration found.
    pub scales: Scales,
}

impl<'t> Settings<'t> {
    /// Reads them. `site`, `node`, `broker` and `gateway` have to be there.
    ///
    /// # Errors
    /// The line that cannot be understood, or the key that is missing.
    pub fn parse(text: &'t str) -> Result<Self, &'t str> {
        let mut settings = Self::default();
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
        for line in lines.filter(|line| !line.is_empty()) {
            settings.take(line).ok_or(line)?;
        }
        match settings {
            Self { site: "", .. } => Err("site is missing"),
            Self { node: "", .. } => Err("node is missing"),
            Self { gateway: "", .. } => Err("gateway is missing"),
            Self { broker, .. } if broker.port() == 0 => Err("broker is missing"),
            _ => Ok(settings),
        }
    }

    fn take(&mut self, line: &'t str) -> Option<()> {
        let (key, value) = line.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        match key {
            "site" => self.site = Some(value).filter(|id| is_id(id))?,
            "node" => self.node = Some(value).filter(|id| is_id(id))?,
            "broker" => self.broker = value.parse().ok()?,
            "gateway" => self.gateway = Some(value).filter(|name| name.len() <= 64)?,
            "sample-ms" => self.sample_ms = value.parse().ok()?,
            "heartbeat-ms" => self.heartbeat_ms = value.parse().ok()?,
            "warmup" => self.warmup = value.parse().ok()?,
            "simulated" => self.simulated = yes_or_no(value)?,
            "string" => self.string = yes_or_no(value)?,
            "supply-ms" => self.supply_ms = value.parse().ok()?,
            "supply-alarm-mv" => self.supply_alarm_mv = value.parse().ok()?,
            _ => self.take_part(key, value)?,
        }
        Some(())
    }

    fn take_part(&mut self, key: &str, value: &str) -> Option<()> {
        #[cfg(feature = "modbus")]
        if key.starts_with("modbus") {
            return self.line.take(key, value);
        }
        self.schedule.take(key, value).or_else(|| self.scales.take(key, value))
    }
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            site: "",
            node: "",
            broker: SocketAddrV4::new(core::net::Ipv4Addr::UNSPECIFIED, 0),
            gateway: "",
            sample_ms: 1_000,
            heartbeat_ms: 5_000,
            warmup: 60,
            simulated: false,
            string: false,
            supply_ms: 50,
            supply_alarm_mv: 10_500,
            schedule: Schedule::default(),
            #[cfg(feature = "modbus")]
            line: crate::modbus::LineSettings::default(),
            scales: Scales::default(),
        }
    }
}

impl Scales {
    fn take(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "hydrogen-zero-uv" => self.hydrogen.zero = Micro(value.parse::<u32>().ok()?.into()),
            "hydrogen-span-uv" => self.hydrogen.span = Micro(above_0(value)?.into()),
            "hydrogen-span-ppm" => self.hydrogen.span_ppm = above_0(value)?,
            "voc-reference-ticks" => self.voc.reference_ticks = value.parse().ok()?,
            "voc-ticks-per-e" => self.voc.ticks_per_e = from_u32(above_0(value)?),
            "string-divider-milli" => self.shunt.divider = from_u32(above_0(value)?) / 1_000.0,
            "shunt-microohm" => self.shunt.ohms = from_u32(above_0(value)?) / MICRO as f32,
            "supply-divider-milli" => self.supply_divider_milli = above_0(value)?,
            "shunt-amperes" => self.shunt.max_amperes = from_u32(above_0(value)?),
            _ => return None,
        }
        Some(())
    }
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn above_0(value: &str) -> Option<u32> {
    value.parse().ok().filter(|number| *number > 0)
}

const fn from_u32(number: u32) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {

    use super::*;

    const NEEDED: &str =
        "site=lyon-2\nnode = node-1 # left of the door\n\nbroker=192.0.2.7:8883\ngateway=muster.example\n";

    #[test]
    fn what_is_given_is_taken_and_the_rest_has_defaults() {
        let mut text = [0; 256];
        let all = [NEEDED, "hydrogen-zero-uv=412000\r\nshunt-microohm=100\nstring=yes\n"];
        let mut used = 0;
        for part in all {
            text[used..used + part.len()].copy_from_slice(part.as_bytes());
            used += part.len();
        }
        let settings = Settings::parse(core::str::from_utf8(&text[..used]).unwrap()).unwrap();
        assert_eq!(
            (settings.site, settings.node, settings.sample_ms),
            ("lyon-2", "node-1", 1_000)
        );
        assert_eq!(settings.broker, "192.0.2.7:8883".parse().unwrap());
        assert_eq!(settings.scales.hydrogen.zero, Micro(412_000));
        assert!((settings.scales.shunt.ohms - 0.000_1).abs() < 1e-9 && settings.string && !settings.simulated);
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        for line in [
            "site=Lyon",
            "shunt-microohm=0",
            "string=maybe",
            "broker=muster:8883",
            "nodes=1",
            "period-smoke=100",
            "node",
        ] {
            assert_eq!(Settings::parse(line), Err(line));
        }
        assert_eq!(Settings::parse("node=n1"), Err("site is missing"));
    }
}
