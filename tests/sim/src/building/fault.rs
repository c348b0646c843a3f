//! What goes wrong with sensors, boards, wires and people who have stolen a credential.

use super::{Dice, Heard, NODES, Probe, Sign};

/// What is struck by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dead {
    /// One sensor.
    Sensor(Probe),
    /// A node with all its sensors.
    Node(usize),
    /// The wire of the fire panel.
    PanelBus,
    /// The wire of the battery monitor.
    BatteryBus,
    /// The broker: every node.
    Broker,
}

impl Dead {
    /// Drawn.
    #[must_use]
    pub fn draw(dice: &mut Dice) -> Self {
        match dice.below(5) {
            0 => Self::Sensor(any_sensor(dice)),
            1 => Self::Node(dice.below(NODES)),
            2 => Self::PanelBus,
            3 => Self::BatteryBus,
            _ => Self::Broker,
        }
    }

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sensor(_) => "sensor",
            Self::Node(_) => "node",
            Self::PanelBus => "panel-bus",
            Self::BatteryBus => "battery-bus",
            Self::Broker => "broker",
        }
    }

    /// Whether this is of it.
    #[must_use]
    pub fn strikes(self, probe: Probe) -> bool {
        match (self, probe) {
            (Self::Sensor(one), probe) => one == probe,
            (Self::Node(one), Probe::Node { node, .. }) => one == node,
            (Self::PanelBus, Probe::PanelFire | Probe::PanelDischarge)
            | (Self::BatteryBus, Probe::Cell | Probe::CellAlarm)
            | (Self::Broker, Probe::Node { .. }) => true,
            _ => false,
        }
    }
}

fn any_sensor(dice: &mut Dice) -> Probe {
    match dice.below(6) {
        0 => dice.pick([Probe::PanelFire, Probe::PanelDischarge]),
        1 => dice.pick([Probe::Cell, Probe::CellAlarm]),
        _ => Probe::Node {
            node: dice.below(NODES),
            sign: dice.pick(Sign::ALL),
        },
    }
}

/// How it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// Nothing comes.
    Silent,
    /// It says that it has no value.
    Absent,
    /// The same value for ever.
    Stuck,
    /// What cannot be.
    OutOfRange,
    /// Comes and goes: 40 of 80 s nothing, which is longer than any supervision window.
    Flapping,
    /// Its board begins anew again and again: nothing for 20 s, then its sensors warm up for 2 min.
    Rebooting,
    /// Rises for hours, far beyond anything a fire would show.
    Drift,
    /// Alarms now and then.
    Spikes,
    /// At its most, at once.
    High,
    /// Somebody tries it with a can of gas, or by the panel's walk test: it has to alarm.
    Tried,
    /// A thief speaks for it: whatever serves him, at once and without a break.
    Stolen,
}

impl FaultKind {
    /// Those that say that something burns.
    pub const ASSERTING: [Self; 3] = [Self::Drift, Self::Spikes, Self::High];
    /// Those that do not.
    pub const MUTE: [Self; 6] = [
        Self::Silent,
        Self::Absent,
        Self::Stuck,
        Self::OutOfRange,
        Self::Flapping,
        Self::Rebooting,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Absent => "absent",
            Self::Stuck => "stuck",
            Self::OutOfRange => "out-of-range",
            Self::Flapping => "flapping",
            Self::Rebooting => "rebooting",
            Self::Drift => "drift",
            Self::Spikes => "spikes",
            Self::High => "high",
            Self::Tried => "tried",
            Self::Stolen => "stolen",
        }
    }
}

/// One fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What it strikes.
    pub what: Dead,
    /// How.
    pub kind: FaultKind,
    /// From when. Seconds.
    pub from_s: f64,
    /// Until it is mended. Seconds.
    pub until_s: f64,
}

impl Fault {
    /// One that asserts an alarm: of one sensor, or (a thief's, or a board's own) of a whole node.
    #[must_use]
    pub fn asserting(from_s: f64, dice: &mut Dice) -> Self {
        let kind = dice.pick(FaultKind::ASSERTING);
        let what = if dice.share(0.2) {
            Dead::Node(dice.below(NODES))
        } else {
            Dead::Sensor(any_sensor(dice))
        };
        Self {
            what,
            kind,
            from_s,
            until_s: from_s + dice.decades(60.0, 14_400.0),
        }
    }

    /// One that asserts nothing.
    #[must_use]
    pub fn mute(from_s: f64, dice: &mut Dice) -> Self {
        let what = Dead::draw(dice);
        let kind = match what {
            Dead::Sensor(_) => dice.pick(FaultKind::MUTE),
            _ => dice.pick([FaultKind::Silent, FaultKind::Flapping, FaultKind::Rebooting]),
        };
        // Nobody sees that a sensor is stuck: one in ten is found at the next inspection only.
        let lasts_s = if kind == FaultKind::Stuck && dice.share(0.1) {
            2.0 * 86_400.0
        } else {
            dice.decades(20.0, 28_800.0)
        };
        Self {
            what,
            kind,
            from_s,
            until_s: from_s + lasts_s,
        }
    }

    /// A thief has the credential of one node, or sits on one bus.
    #[must_use]
    pub fn stolen(from_s: f64, dice: &mut Dice) -> Self {
        let what = match dice.below(5) {
            0 => Dead::PanelBus,
            1 => Dead::BatteryBus,
            _ => Dead::Node(dice.below(NODES)),
        };
        Self {
            what,
            kind: FaultKind::Stolen,
            from_s,
            until_s: from_s + dice.decades(60.0, 3_600.0),
        }
    }

    /// What is heard of a probe through it.
    pub(super) fn on(&self, heard: Heard, probe: Probe, t_s: f64, truth: impl Fn(f64) -> f64) -> Heard {
        if !self.what.strikes(probe) || t_s < self.from_s || t_s >= self.until_s {
            return heard;
        }
        let since_s = t_s - self.from_s;
        let most = most(probe);
        match self.kind {
            FaultKind::Silent => Heard::Silent,
            FaultKind::Absent => Heard::Absent,
            FaultKind::Stuck => Heard::Value(truth(self.from_s)),
            FaultKind::OutOfRange => Heard::Value(1.0e9),
            FaultKind::Flapping if since_s % 80.0 < 40.0 => Heard::Silent,
            FaultKind::Rebooting if since_s % 200.0 < 20.0 => Heard::Silent,
            FaultKind::Rebooting if since_s % 200.0 < 140.0 => Heard::WarmingUp,
            FaultKind::Spikes if since_s % 20.0 >= 4.0 => heard,
            FaultKind::Flapping | FaultKind::Rebooting => heard,
            FaultKind::Drift => Heard::Value(truth(t_s) + most * (since_s / 1_800.0).min(1.0)).rounded(probe),
            FaultKind::Spikes | FaultKind::High | FaultKind::Tried | FaultKind::Stolen => Heard::Value(most),
        }
    }
}

impl Heard {
    /// A contact is on or off.
    fn rounded(self, probe: Probe) -> Self {
        match (self, probe) {
            (Self::Value(value), Probe::PanelFire | Probe::PanelDischarge | Probe::CellAlarm) => {
                Self::Value(f64::from(u8::from(value >= 0.5)))
            }
            (Self::Value(value), Probe::Cell) => Self::Value(value.min(150.0)),
            (heard, _) => heard,
        }
    }
}

/// As loud as a real fire, and still credible.
const fn most(probe: Probe) -> f64 {
    match probe {
        Probe::Node { sign: Sign::Voc, .. } => 800.0,
        Probe::Node {
            sign: Sign::Hydrogen, ..
        } => 9_000.0,
        Probe::Node { sign: Sign::Smoke, .. } => 40.0,
        Probe::Node {
            sign: Sign::Temperature,
            ..
        }
        | Probe::Cell => 95.0,
        Probe::PanelFire | Probe::PanelDischarge | Probe::CellAlarm => 1.0,
    }
}
