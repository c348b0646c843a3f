//! Fires of every kind that a battery room can have: which signs come first, how strong, how fast, and when the load is
//! lost.

use super::{Dice, Probe, Room, Sign, rise};

/// Which signs a fire gives at first; the others follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FireKind {
    /// Cells heat at about 10 °C/s (NCM523's mean rate), everything comes at once, after gas.
    Fast,
    /// Cells heat at 0.005 °C/s for hours, gas is vented, then it burns.
    Slow,
    /// As most module tests of BAM: no gas before the fire.
    NoPreGas,
    /// Gas only, for long.
    GasOnly,
    /// A smouldering cable: smoke only, for long.
    SmokeOnly,
    /// A clean hot fire: heat only, for long.
    HeatOnly,
    /// The battery monitor alone sees it, for long.
    Electrical,
}

impl FireKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Fast,
        Self::Slow,
        Self::NoPreGas,
        Self::GasOnly,
        Self::SmokeOnly,
        Self::HeatOnly,
        Self::Electrical,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::NoPreGas => "no-pre-gas",
            Self::GasOnly => "gas-only",
            Self::SmokeOnly => "smoke-only",
            Self::HeatOnly => "heat-only",
            Self::Electrical => "electrical",
        }
    }

    /// Whether it gives this sign at once; the battery monitor's is none of the air's.
    const fn begins_with(self, sign: Option<Sign>) -> bool {
        match self {
            Self::Fast | Self::Slow | Self::NoPreGas => true,
            Self::GasOnly => matches!(sign, Some(Sign::Voc | Sign::Hydrogen)),
            Self::SmokeOnly => matches!(sign, Some(Sign::Smoke)),
            Self::HeatOnly => matches!(sign, Some(Sign::Temperature)),
            Self::Electrical => sign.is_none(),
        }
    }

    const fn vents_before(self) -> bool {
        matches!(self, Self::Fast | Self::Slow | Self::GasOnly)
    }
}

/// A fire needs this long at least, in full, until heat has destroyed what carries the load: half of the shortest time on
/// record from the spark to the loss (Pangyo 2022, 480 s). Assumed. Without it 1.5 of 10,000 fires in the reference room
/// are lost with one vote and every node on its watch limit, all of them electrical.
pub const FULL_FOR_S: f64 = 240.0;

/// One fire. Times in seconds; 0 is the runaway (or the first flame).
#[derive(Clone, Debug)]
pub struct Fire {
    /// Which signs come first.
    pub kind: FireKind,
    /// The first uncontrolled loss: as often from 8 to 35 min as from 35 to 155, which are the shortest and the longest on
    /// record (Pangyo 2022, Singapore 2024).
    pub loss_s: f64,
    /// From when it gives every sign: 0, or of the `…-only` kinds 0.2 to 0.8 of the time to [`FULL_FOR_S`] before the loss.
    /// Assumed: what destroys a load has reached the room's air before.
    pub full_s: f64,
    /// Gas is vented this long before (DNV-GL 6.4 min, LFP pack 10 to 13 min).
    pub vents_s: f64,
    /// Cells heat this fast. °C/s.
    pub cell_c_per_s: f64,
    voc_ppm: f64,
    hydrogen_ppm: f64,
    smoke_per_m: f64,
    heat_c: f64,
    tau_s: f64,
    /// A point detector of the panel needs this long from smoke at its place (20 to 90 s, multi-sensor heads), and this much.
    panel_after_s: f64,
    discharges: bool,
    /// The battery monitor's cables hold this long in full fire: not at all, or longer than the load. Assumed.
    cables_s: f64,
}

impl Fire {
    /// Drawn.
    #[must_use]
    pub fn draw(kind: FireKind, dice: &mut Dice) -> Self {
        let loss_s = dice.decades(480.0, 9_300.0);
        let at_once = matches!(kind, FireKind::Fast | FireKind::Slow | FireKind::NoPreGas);
        Self {
            kind,
            loss_s,
            full_s: if at_once {
                0.0
            } else {
                (loss_s - FULL_FOR_S) * dice.between(0.2, 0.8)
            },
            vents_s: if kind.vents_before() {
                dice.decades(30.0, 900.0)
            } else {
                0.0
            },
            cell_c_per_s: match kind {
                FireKind::Slow => 0.005,
                _ => dice.decades(0.79, 10.5),
            },
            // NIST's room fires reach tens of %/m within 3 min; vent gas of a module fills a room with hundreds of ppm.
            voc_ppm: dice.decades(100.0, 2_000.0),
            hydrogen_ppm: dice.decades(500.0, 10_000.0),
            smoke_per_m: dice.decades(8.0, 80.0),
            heat_c: dice.decades(40.0, 200.0),
            tau_s: dice.decades(60.0, 400.0),
            panel_after_s: dice.between(20.0, 90.0),
            discharges: dice.share(0.5),
            cables_s: dice.decades(10.0, 5_600.0),
        }
    }

    /// When the first sign of it can be seen by anything. Seconds, ≤ 0.
    #[must_use]
    pub fn begins_s(&self) -> f64 {
        let heats_s = if self.kind == FireKind::Slow {
            55.0 / self.cell_c_per_s
        } else {
            0.0
        };
        -self.vents_s.max(heats_s)
    }

    /// From when it gives a sign; none of the air's for the battery monitor.
    fn starts_s(&self, sign: Option<Sign>) -> f64 {
        let gas = matches!(sign, Some(Sign::Voc | Sign::Hydrogen));
        match (self.kind.begins_with(sign), gas && self.kind.vents_before()) {
            (true, true) => -self.vents_s,
            (true, false) => 0.0,
            (false, _) => self.full_s,
        }
    }

    /// What it adds to the air at a node.
    pub(super) fn adds(&self, room: &Room, node: usize, sign: Sign, t_s: f64) -> f64 {
        let (distance_m, keeps) = (room.fire_to_node_m[node], room.keeps());
        // Smoke and gas arrive after 8 s and 2.2 s a metre, heat later and weaker: as in the other simulated room.
        let (peak, arrives_s, tau_s, reach_m) = match sign {
            Sign::Voc => (self.voc_ppm * keeps, 8.0 + 2.2 * distance_m, self.tau_s, 10.0),
            Sign::Hydrogen => (
                self.hydrogen_ppm * keeps,
                18.0 + 2.2 * distance_m,
                2.0 * self.tau_s,
                10.0,
            ),
            Sign::Smoke => (self.smoke_per_m * keeps, 8.0 + 2.2 * distance_m, self.tau_s, 20.0),
            Sign::Temperature => (self.heat_c, 30.0 + 3.0 * distance_m, 2.0 * self.tau_s, 4.0),
        };
        let since_s = t_s - self.starts_s(Some(sign)) - arrives_s;
        // Vented before the fire, it is a tenth of what the fire makes.
        let venting = matches!(sign, Sign::Voc | Sign::Hydrogen) && t_s < 0.0;
        let share = if venting { 0.1 } else { 1.0 };
        share * peak / (1.0 + distance_m / reach_m) * rise(since_s, tau_s)
    }

    /// How much hotter than healthy the hottest measured cell is. °C; a sensor tops out at 125 above.
    pub(super) fn cell_rise_c(&self, t_s: f64) -> f64 {
        let from_s = if self.kind == FireKind::Slow {
            self.begins_s()
        } else {
            self.starts_s(None) + 10.0
        };
        ((t_s - from_s).max(0.0) * self.cell_c_per_s).min(125.0)
    }

    /// The battery monitor's own alarm: 60 °C (assumed, usual for NMC), or of an electrical fire its voltage falls at once.
    pub(super) fn bms_alarms(&self, t_s: f64) -> bool {
        self.cell_rise_c(t_s) >= 35.0 || (self.kind == FireKind::Electrical && t_s >= 0.0)
    }

    /// Smoke or heat has reached one of the panel's own detectors.
    pub(super) fn panel_alarms(&self, t_s: f64) -> bool {
        let earliest = self
            .starts_s(Some(Sign::Smoke))
            .min(self.starts_s(Some(Sign::Temperature)) + 60.0);
        t_s >= earliest + self.panel_after_s
    }

    /// Until when the battery monitor can be heard.
    fn monitor_burns_s(&self) -> f64 {
        self.full_s.max(0.0) + self.cables_s
    }

    /// It burns the battery monitor's cables before that has had anything to say, or in the few seconds after: it has taken
    /// one detector by itself.
    #[must_use]
    pub fn silences_the_monitor(&self) -> bool {
        !self.bms_alarms(self.monitor_burns_s() - 5.0)
    }

    pub(super) fn discharged(&self, t_s: f64) -> bool {
        self.discharges && self.panel_alarms(t_s - 30.0)
    }

    /// Whether the fire has destroyed what speaks for this probe. The panel is fed and wired apart, as it has to be.
    pub(super) fn has_burnt(&self, room: &Room, probe: Probe, t_s: f64) -> bool {
        match probe {
            // Above 105 °C a node's electronics give up. Assumed.
            Probe::Node { node, .. } => {
                Sign::Temperature.clean() + self.adds(room, node, Sign::Temperature, t_s) > 105.0
            }
            Probe::Cell | Probe::CellAlarm => t_s > self.monitor_burns_s(),
            Probe::PanelFire | Probe::PanelDischarge => false,
        }
    }
}
