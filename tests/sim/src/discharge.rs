//! A UPS on its battery, from charged to empty, and what it says of itself meanwhile. Nothing of it is shared with the gateway:
//! the battery follows Peukert and its age, and its gauge follows neither.

use crate::building::Dice;

/// How a UPS tells its charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gauge {
    /// Counts what it has given against what it could give when it was new.
    Counting,
    /// By voltage: flat at first, steep at the end.
    Voltage,
    /// Tells none.
    None,
}

/// How a UPS tells its runtime. Each has been seen (`facility.md` of the project's notes, NUT's and pve-ups' issues).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runtime {
    /// By its gauge and its load in proportion, in steps of so many seconds.
    Steps(u32),
    /// 0 for ever.
    Zero,
    /// What it said on mains, for ever.
    Stuck,
    /// As much as 16 bits hold.
    Saturated,
    /// Tells none.
    None,
}

/// What it says at one poll; none where it says nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// 0 to 1, in whole percents.
    pub charge: Option<f64>,
    /// Seconds.
    pub runtime_s: Option<f64>,
    /// Of its rating.
    pub load: f64,
}

/// One discharge.
#[derive(Clone, Debug)]
pub struct Discharge {
    /// At full load and new. Seconds.
    rated_s: f64,
    peukert: f64,
    /// Of its capacity when it was new.
    health: f64,
    start: f64,
    load: f64,
    /// When the load changes, and to what.
    step: Option<(f64, f64)>,
    gauge: Gauge,
    /// How much its gauge is off at most.
    bend: f64,
    runtime: Runtime,
    /// One poll in so many shows 1.7 % of charge.
    glitch: f64,
    /// Between two polls. Seconds.
    pub poll_s: f64,
    /// When it is empty. Seconds after it went on battery.
    pub end_s: f64,
}

impl Discharge {
    /// Number `n` of a seed. Batteries of 4 min to 2 h at full load; one in twenty is older than it may be.
    #[must_use]
    pub fn draw(seed: u64, n: u64) -> Self {
        let mut dice = Dice::new(seed, n);
        let lithium = dice.share(0.4);
        let health = if dice.share(0.05) {
            dice.between(0.6, 0.8)
        } else {
            dice.between(0.8, 1.0)
        };
        let mut drawn = Self {
            rated_s: dice.decades(240.0, 7_200.0),
            peukert: if lithium {
                dice.between(1.02, 1.06)
            } else {
                dice.between(1.1, 1.3)
            },
            health,
            start: if dice.share(0.12) {
                dice.between(0.4, 0.9)
            } else {
                dice.between(0.95, 1.0)
            },
            load: dice.between(0.3, 0.9),
            step: None,
            gauge: match dice.below(20) {
                0..=9 => Gauge::Counting,
                10..=17 => Gauge::Voltage,
                _ => Gauge::None,
            },
            bend: dice.between(-0.3, 0.3),
            runtime: match dice.below(20) {
                0..=6 => Runtime::Steps(1),
                7..=12 => Runtime::Steps(60),
                13 => Runtime::Zero,
                14 => Runtime::Stuck,
                15 => Runtime::Saturated,
                _ => Runtime::None,
            },
            glitch: if dice.share(0.1) { 0.01 } else { 0.0 },
            poll_s: dice.pick([1.0, 2.0, 5.0, 10.0]),
            end_s: 0.0,
        };
        if drawn.gauge == Gauge::None && !matches!(drawn.runtime, Runtime::Steps(_)) {
            drawn.gauge = Gauge::Counting;
        }
        if dice.share(0.25) {
            // A neighbour of N+1 or of a pair fails, or something is switched on or off.
            let grows = dice.pick([0.8, 1.1, 4.0 / 3.0, 1.5]);
            drawn.step = Some((dice.unit() * drawn.lasts_s(drawn.load), (drawn.load * grows).min(1.0)));
        }
        drawn.end_s = drawn.empty_s();
        drawn
    }

    /// From its first charge at one load.
    fn lasts_s(&self, load: f64) -> f64 {
        self.rated_s * self.health * self.start / libm::pow(load, self.peukert)
    }

    fn empty_s(&self) -> f64 {
        match self.step {
            Some((at_s, load)) if at_s < self.lasts_s(self.load) => {
                at_s + self.lasts_s(load) * (1.0 - at_s / self.lasts_s(self.load))
            }
            _ => self.lasts_s(self.load),
        }
    }

    fn load_at(&self, t_s: f64) -> f64 {
        self.step
            .filter(|(at_s, _)| t_s >= *at_s)
            .map_or(self.load, |(_, load)| load)
    }

    /// What is really left of what it can give now, 0 to 1.
    fn left(&self, t_s: f64) -> f64 {
        let first_s = self.step.map_or(t_s, |(at_s, _)| at_s.min(t_s));
        let used = first_s / self.lasts_s(self.load) + (t_s - first_s) / self.lasts_s(self.load_at(t_s));
        self.start * (1.0 - used)
    }

    fn charge(&self, t_s: f64) -> f64 {
        let left = self.left(t_s).clamp(0.0, 1.0);
        match self.gauge {
            // Against the capacity that it had: an old battery is empty above 0.
            Gauge::Counting | Gauge::None => self.start - (self.start - left) * self.health,
            Gauge::Voltage => libm::pow(left, 0.8 + self.bend),
        }
        .clamp(0.0, 1.0)
    }

    /// What it says `t_s` seconds after it went on battery, at the poll with this number.
    #[must_use]
    pub fn says(&self, t_s: f64, dice: &mut Dice) -> Said {
        let load = self.load_at(t_s);
        let charge = if dice.share(self.glitch) {
            0.017
        } else {
            self.charge(t_s)
        };
        // In proportion to the load: no gauge knows Peukert.
        let promised_s = |charge: f64| charge * self.rated_s / load;
        let runtime_s = match self.runtime {
            Runtime::Steps(s) => Some((promised_s(self.charge(t_s)) / f64::from(s)).floor() * f64::from(s)),
            Runtime::Zero => Some(0.0),
            Runtime::Stuck => Some(promised_s(self.start).floor()),
            Runtime::Saturated => Some(65_535.0),
            Runtime::None => None,
        };
        Said {
            charge: (self.gauge != Gauge::None).then_some((charge * 100.0).round() / 100.0),
            runtime_s,
            load: ((load + dice.between(-0.01, 0.01)) * 100.0).round() / 100.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discharge_ends_when_nothing_is_left() {
        for n in 0..500 {
            let drawn = Discharge::draw(1, n);
            assert!(drawn.end_s > 60.0, "{drawn:?}");
            assert!(drawn.left(drawn.end_s).abs() < 1e-6, "{drawn:?}");
            assert!(drawn.left(drawn.end_s / 2.0) > 0.0);
        }
    }

    #[test]
    fn an_old_battery_is_empty_before_its_gauge_is() {
        let old = (0..500)
            .map(|n| Discharge::draw(1, n))
            .find(|d| d.gauge == Gauge::Counting && d.health < 0.85);
        let old = old.expect("one in five hundred");
        assert!(old.charge(old.end_s) > 0.1 * old.start, "{old:?}");
    }
}
