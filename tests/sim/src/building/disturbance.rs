//! What is in a room's air without any fire: people, cleaning, weather, the neighbours' smoke.

use super::{Dice, NODES, Room, Sign};

/// Why the air is not clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Somebody sweeps, or drills a wall, beside one node.
    Dust,
    /// A kettle, a humidifier, a wet cloth on something hot: it dims the light, and it is warm.
    Steam,
    /// Contacts are cleaned with alcohol.
    Solvent,
    /// The cooling has failed or it is August.
    HotDay,
    /// A neighbour's bonfire comes in through the supply air: every node sees the same.
    OutsideSmoke,
    /// An overcharged lead-acid string next door, or a leaking cylinder: hydrogen in the supply air.
    OutsideGas,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Dust,
        Self::Steam,
        Self::Solvent,
        Self::HotDay,
        Self::OutsideSmoke,
        Self::OutsideGas,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dust => "dust",
            Self::Steam => "steam",
            Self::Solvent => "solvent",
            Self::HotDay => "hot-day",
            Self::OutsideSmoke => "outside-smoke",
            Self::OutsideGas => "outside-gas",
        }
    }

    /// What it adds, at its strongest: sign, least and most. All assumed; each at its most is as strong as a real fire's
    /// beginning.
    const fn strength(self) -> (Sign, f64, f64) {
        match self {
            Self::Dust => (Sign::Smoke, 0.3, 8.0),
            Self::Steam => (Sign::Smoke, 0.3, 5.0),
            Self::Solvent => (Sign::Voc, 3.0, 100.0),
            Self::HotDay => (Sign::Temperature, 3.0, 14.0),
            Self::OutsideSmoke => (Sign::Smoke, 0.05, 1.0),
            Self::OutsideGas => (Sign::Hydrogen, 20.0, 600.0),
        }
    }

    /// How much of a sign it adds for each of its strength; none if it does not show there. Steam that takes a percent of the light
    /// a metre is two degrees warmer than the room. Assumed.
    fn shows(self, sign: Sign) -> Option<f64> {
        match (self, sign) {
            (Self::Steam, Sign::Temperature) => Some(2.0),
            _ => (self.strength().0 == sign).then_some(1.0),
        }
    }

    /// Everywhere alike, or from one place.
    const fn is_everywhere(self) -> bool {
        matches!(self, Self::HotDay | Self::OutsideSmoke | Self::OutsideGas)
    }
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Disturbance {
    /// Why.
    pub cause: Cause,
    /// From when. Seconds.
    pub at_s: f64,
    peak: f64,
    /// From its place to each node, metres.
    to_node_m: [f64; NODES],
    lasts_s: f64,
}

impl Disturbance {
    /// Drawn; begins at `at_s`.
    #[must_use]
    pub fn draw(cause: Cause, at_s: f64, dice: &mut Dice) -> Self {
        let (_, least, most) = cause.strength();
        let mut to_node_m = [0.0; NODES].map(|_| dice.between(3.0, 15.0));
        to_node_m[dice.below(NODES)] = dice.between(0.5, 3.0);
        let lasts_s = match cause {
            Cause::Dust | Cause::Steam => dice.decades(10.0, 300.0),
            Cause::Solvent => dice.decades(60.0, 1_800.0),
            _ => dice.decades(1_800.0, 14_400.0),
        };
        Self {
            cause,
            at_s,
            peak: dice.decades(least, most),
            to_node_m,
            lasts_s,
        }
    }

    /// One of the hottest days of a year: so many degrees more in the room by the middle of it.
    #[must_use]
    pub const fn hot_day(at_s: f64, lasts_s: f64, peak_c: f64) -> Self {
        Self {
            cause: Cause::HotDay,
            at_s,
            peak: peak_c,
            to_node_m: [0.0; NODES],
            lasts_s,
        }
    }

    /// A triangle in time; a cloud thins with the square of the distance beyond a metre.
    pub(super) fn adds(&self, room: &Room, node: usize, sign: Sign, t_s: f64) -> f64 {
        let Some(share) = self.cause.shows(sign) else {
            return 0.0;
        };
        let middle = self.lasts_s / 2.0;
        let shape = (1.0 - ((t_s - self.at_s - middle) / middle).abs()).max(0.0);
        if self.cause.is_everywhere() {
            return self.peak * share * shape;
        }
        let thin = {
            let away_m = self.to_node_m[node].max(1.0);
            1.0 / (away_m * away_m)
        };
        self.peak * share * shape * thin.max(0.02 * room.keeps())
    }

    /// When it is over. Seconds.
    #[must_use]
    pub fn over_s(&self) -> f64 {
        self.at_s + self.lasts_s
    }
}
