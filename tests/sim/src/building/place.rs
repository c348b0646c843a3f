//! The room, what stands where in it, and what can be asked.

use super::Dice;

/// Nodes of the reference room.
pub const NODES: usize = 3;

/// What a node measures of the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// Volatile organic compounds, ppm.
    Voc,
    /// Hydrogen, ppm.
    Hydrogen,
    /// Smoke obscuration, percent a metre.
    Smoke,
    /// Degrees Celsius.
    Temperature,
}

impl Sign {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Voc, Self::Hydrogen, Self::Smoke, Self::Temperature];

    /// In clean air. Assumed, as in the other simulated room.
    pub(super) const fn clean(self) -> f64 {
        match self {
            Self::Voc => 0.4,
            Self::Hydrogen => 3.0,
            Self::Smoke => 0.05,
            Self::Temperature => 24.0,
        }
    }

    /// As a sensor shows it, `noise` in (-1, 1): 3 % of a gas reading, 0.02 %/m, 0.1 °C; never below what it can show.
    pub(super) fn with_noise(self, truth: f64, noise: f64) -> f64 {
        match self {
            Self::Voc => (truth * (1.0 + 0.03 * noise)).clamp(0.0, 9_999.0),
            Self::Hydrogen => (truth * (1.0 + 0.03 * noise)).clamp(0.0, 99_999.0),
            Self::Smoke => (truth + 0.02 * noise).clamp(0.0, 99.9),
            Self::Temperature => (truth + 0.1 * noise).clamp(-39.0, 199.0),
        }
    }
}

/// One thing that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Probe {
    /// A sensor of a node.
    Node {
        /// 0 to 2.
        node: usize,
        /// Which.
        sign: Sign,
    },
    /// The fire panel's alarm contact.
    PanelFire,
    /// Its contact for released gas.
    PanelDischarge,
    /// The battery monitor's hottest cell, degrees Celsius.
    Cell,
    /// The battery monitor's own alarm.
    CellAlarm,
}

impl Probe {
    /// Its noise's own number.
    pub(super) fn signal(self) -> u64 {
        match self {
            Self::Node { node, sign } => 10 * (node as u64 + 1) + sign as u64,
            Self::PanelFire => 1,
            Self::PanelDischarge => 2,
            Self::Cell => 3,
            Self::CellAlarm => 4,
        }
    }
}

/// A battery room. Distances in metres.
#[derive(Clone, Debug)]
pub struct Room {
    /// From what burns to each node. A node is put within 8 m of every rack, and hangs 2 m above at least. Assumed.
    pub fire_to_node_m: [f64; NODES],
    /// Changes of its air an hour. Battery rooms have 2 to 6, and 12 in an emergency. Assumed.
    pub air_changes_h: f64,
}

impl Room {
    /// Drawn.
    #[must_use]
    pub fn draw(dice: &mut Dice) -> Self {
        let mut fire_to_node_m = [0.0; NODES];
        fire_to_node_m[0] = dice.between(2.0, 8.0);
        fire_to_node_m[1] = dice.between(5.0, 14.0);
        fire_to_node_m[2] = dice.between(8.0, 20.0);
        // Any of the three may be the nearest.
        fire_to_node_m.rotate_left(dice.below(NODES));
        Self {
            fire_to_node_m,
            air_changes_h: dice.between(2.0, 12.0),
        }
    }

    /// What ventilation leaves of a concentration: all of it at 2 changes an hour, about half at 12.
    pub(super) fn keeps(&self) -> f64 {
        1.0 / (1.0 + (self.air_changes_h - 2.0) / 10.0)
    }
}
