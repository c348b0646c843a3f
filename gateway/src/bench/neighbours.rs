//! Who else used the machine while a row was measured: a figure without it cannot be compared with another run's.

use serde::Serialize;

use super::machine;
use crate::clock::Stopwatch;

/// The neighbours of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Neighbours {
    /// Mean of the load averages at the ends of its turns, our own part included; none where the system does not say.
    pub load: Option<f64>,
    /// Processors in use by neither this process nor what it started, on the mean; none where the system does not say.
    pub cpus: Option<f64>,
}

/// Looks at them from turn to turn.
#[derive(Debug, Default)]
pub(super) struct Watched {
    loads: Vec<f64>,
    others_s: Option<f64>,
    elapsed_s: f64,
}

/// A turn that has begun.
pub(super) struct Turn {
    watch: Stopwatch,
    others_s: Option<f64>,
}

impl Turn {
    /// Begins now.
    pub(super) fn begin() -> Self {
        Self {
            watch: Stopwatch::start(),
            others_s: machine::others_cpu_s(),
        }
    }

    /// Adds the turn to its row.
    pub(super) fn end(self, row: &mut Watched) {
        let elapsed_s = self.watch.elapsed().as_secs_f64();
        let others_s = self.others_s.zip(machine::others_cpu_s());
        if let Some((before, after)) = others_s {
            *row.others_s.get_or_insert(0.0) += (after - before).max(0.0);
        }
        row.elapsed_s += elapsed_s;
        row.loads.extend(machine::load_average());
    }
}

impl Watched {
    /// What came of all turns.
    pub(super) fn mean(&self) -> Neighbours {
        let turns = self.loads.len() as f64;
        Neighbours {
            load: (turns > 0.0).then(|| self.loads.iter().sum::<f64>() / turns),
            cpus: self.others_s.map(|seconds| seconds / self.elapsed_s.max(f64::EPSILON)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_turn_nothing_is_known() {
        assert_eq!(Watched::default().mean(), Neighbours::default());
    }

    #[test]
    fn a_turn_is_told_by_load_and_processors() {
        let mut row = Watched::default();
        Turn::begin().end(&mut row);
        let mean = row.mean();
        assert!(mean.load.is_some_and(|load| load >= 0.0), "{mean:?}");
        assert!(mean.cpus.is_some_and(|cpus| (0.0..1_000.0).contains(&cpus)), "{mean:?}");
    }
}
