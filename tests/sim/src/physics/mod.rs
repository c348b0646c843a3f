//! A small model of a Li-ion rack fire in a battery room: what stands where at which moment.
//!
//! It is no fire simulation: it puts the times on record (`PANGYO_2022`) and plausible shapes between them, so that a
//! detector meets signals in the right order, at the right distance and with noise. Where no record exists the number
//! is marked as assumed.

mod battery;
mod drawn;
mod fire;
mod power;
mod quiet;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use battery::Battery;
pub use fire::Air;
pub use power::{Ups, UpsPlace};

use crate::building::{self, Cause, FireKind};
use crate::noise::wobble;

/// Distances of the three nodes from the rack that burns, in metres: beside the rack, in the middle of the room, by
/// the door. Assumed; the Pangyo room was larger and had none.
pub const NODE_DISTANCE_M: [f64; 3] = [3.0, 9.0, 16.0];

/// What happens in the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// 15 October 2022: a spark at 0, gas released at once, the first UPS lost at 480 s, supply cut at 93 min.
    Pangyo2022,
    /// Nothing: noise, and once an hour somebody sweeps dust into the node by the door.
    Quiet,
    /// A fire that the seed draws, of this kind or of any.
    Fire(Option<FireKind>),
    /// Air that is not clean, and no fire.
    Disturbed(Cause),
}

impl Scenario {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let fires = FireKind::ALL.into_iter().map(Some);
        [Self::Pangyo2022, Self::Quiet]
            .into_iter()
            .chain(std::iter::once(None).chain(fires).map(Self::Fire))
            .chain(Cause::ALL.into_iter().map(Self::Disturbed))
    }
}

/// Its word on the command line.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pangyo2022 => f.write_str("pangyo-2022"),
            Self::Quiet => f.write_str("quiet"),
            Self::Fire(None) => f.write_str("fire"),
            Self::Fire(Some(kind)) => write!(f, "fire-{}", kind.as_str()),
            Self::Disturbed(cause) => f.write_str(cause.as_str()),
        }
    }
}

/// There is no scenario of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no scenario is called {0:?}; there are {words}", words = words())]
pub struct UnknownScenario(String);

fn words() -> String {
    let words: Vec<String> = Scenario::all().map(|scenario| scenario.to_string()).collect();
    words.join(", ")
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::all()
            .find(|scenario| scenario.to_string() == word)
            .ok_or_else(|| UnknownScenario(word.into()))
    }
}

/// The battery room and the UPS room beside it.
#[derive(Clone, Debug)]
pub struct Room {
    course: Course,
    seed: u64,
}

/// What a room shows at a story's millisecond.
pub type Script = Arc<dyn Fn(i64) -> RoomState + Send + Sync>;

#[derive(Clone)]
enum Course {
    Scenario(Scenario),
    Drawn(Arc<building::Course>),
    Script(Script),
}

impl fmt::Debug for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scenario(scenario) => scenario.fmt(f),
            Self::Drawn(course) => course.fmt(f),
            Self::Script(_) => f.write_str("Script"),
        }
    }
}

/// Everything a device can see at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomState {
    /// Air at the nodes, in the order of [`NODE_DISTANCE_M`].
    pub air: [Air; 3],
    /// The rack's cells and its BMS.
    pub battery: Battery,
    /// The UPS beside the rack, and one elsewhere in the UPS room: see [`UpsPlace`].
    pub ups: [Ups; 2],
    /// Contacts of the fire panel.
    pub panel: Panel,
    /// Whether the building has supply.
    pub utility_on: bool,
    /// Whether the fire service has announced that it will cut the supply.
    pub cut_announced: bool,
}

/// Contacts of the fire panel, and of what else is wired to its module. Supervised and fed from its own battery: it lives
/// through the whole story.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panel {
    /// The panel is in alarm.
    pub fire_alarm: bool,
    /// Extinguishing gas has been released.
    pub suppression_discharge: bool,
    /// The panel is in its first stage.
    pub first_stage: bool,
    /// The room's emergency power off has been pressed.
    pub epo: bool,
    /// The transfer switch feeds from the generator.
    pub on_generator: bool,
    /// The generator runs.
    pub generator_running: bool,
    /// Water is under the floor.
    pub leak: bool,
    /// The room's door is open.
    pub door: bool,
}

/// The panel's own detectors answer to the spark. Assumed: the record has gas "at once", and the panel has to alarm first.
const PANEL_ALARM_S: f64 = 1.0;
/// Gas is released "at once" (15:19).
const DISCHARGE_S: f64 = 2.0;
/// 16:40: the fire service says water is unavoidable.
const CUT_ANNOUNCED_S: f64 = 81.0 * 60.0;
/// 16:52: the building's supply is cut.
const CUT_S: f64 = 93.0 * 60.0;

impl Room {
    /// A room in which `scenario` happens; the same seed gives the same room to the last bit.
    #[must_use]
    pub fn new(scenario: Scenario, seed: u64) -> Self {
        let course = match scenario {
            Scenario::Pangyo2022 | Scenario::Quiet => Course::Scenario(scenario),
            Scenario::Fire(kind) => Course::Drawn(Arc::new(drawn::fire(kind, seed))),
            Scenario::Disturbed(cause) => Course::Drawn(Arc::new(drawn::disturbed(cause, seed))),
        };
        Self { course, seed }
    }

    /// A room that shows what it is told. Its air gets the noise of real sensors: one that repeats itself is stuck.
    #[must_use]
    pub fn scripted(script: Script, seed: u64) -> Self {
        let course = Course::Script(script);
        Self { course, seed }
    }

    /// The room at `t_ms` scenario milliseconds after the first sign (negative before).
    #[must_use]
    pub fn at(&self, t_ms: i64) -> RoomState {
        let noise = Noise { seed: self.seed, t_ms };
        // In a quiet room it is for ever long before the first sign.
        let fire_s = match &self.course {
            Course::Scenario(Scenario::Pangyo2022) => t_ms as f64 / 1_000.0,
            Course::Scenario(_) => f64::NEG_INFINITY,
            Course::Drawn(course) => return drawn::at(course, CUT_S, CUT_ANNOUNCED_S, noise),
            Course::Script(script) => {
                let state = script(t_ms);
                let air = heard(state.air, noise);
                return RoomState { air, ..state };
            }
        };
        RoomState {
            air: self.air(fire_s, t_ms, noise),
            battery: battery::at(fire_s, noise),
            ups: UpsPlace::ALL.map(|place| power::at(place, fire_s, CUT_S, noise)),
            panel: Panel {
                fire_alarm: fire_s >= PANEL_ALARM_S,
                first_stage: fire_s >= PANEL_ALARM_S,
                suppression_discharge: fire_s >= DISCHARGE_S,
                ..Panel::default()
            },
            utility_on: fire_s < CUT_S,
            cut_announced: fire_s >= CUT_ANNOUNCED_S,
        }
    }

    fn air(&self, fire_s: f64, t_ms: i64, noise: Noise) -> [Air; 3] {
        let mut air = heard(NODE_DISTANCE_M.map(|distance_m| fire::air(distance_m, fire_s)), noise);
        if matches!(self.course, Course::Scenario(Scenario::Quiet)) {
            air[2].smoke_per_m += quiet::dust_per_m(t_ms);
        }
        air
    }
}

/// Air as the nodes' sensors show it.
fn heard(air: [Air; 3], noise: Noise) -> [Air; 3] {
    let mut signal = 100;
    air.map(|air| {
        signal += 10;
        air.with_noise(signal, noise)
    })
}

/// Noise of the whole room at one moment.
#[derive(Clone, Copy)]
struct Noise {
    seed: u64,
    t_ms: i64,
}

impl Noise {
    /// Of one signal, in (-1, 1).
    fn of(self, signal: u64) -> f64 {
        wobble(self.seed, signal, self.t_ms)
    }
}

/// A rise that starts at `from_s` and nears 1 with time constant `tau_s`; 0 before.
fn rise(t_s: f64, from_s: f64, tau_s: f64) -> f64 {
    if t_s <= from_s {
        return 0.0;
    }
    1.0 - libm::exp(-(t_s - from_s) / tau_s)
}

#[cfg(test)]
mod tests;
