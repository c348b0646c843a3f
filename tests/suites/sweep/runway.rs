//! How often a UPS outlives the earliest end that the runway gives it, and how far the likely one is off: simulated discharges
//! through the real decision.

use std::sync::Arc;

use muster_core::{ChannelIx, Input, Millis, Site, State};
use muster_sim::{
    building::Dice,
    discharge::{Discharge, Said},
};
use muster_wire::{Micro, Quantity};

use crate::{
    bound,
    fit::{Fit, FitError},
};

/// The share of moments at which the true end is to lie at or after `earliest`.
const STATED: f64 = 0.95;

/// Of what is really left, `earliest` gives at least this much at the median moment: an end that is always over by now would
/// be kept every time, and would evacuate at once.
const USEFUL: f64 = 0.4;

/// On mains before the outage. Seconds.
const MAINS_S: f64 = 60.0;

/// Looked at from here on: before, a generator has its time. Seconds.
const GRACE_S: f64 = 60.0;

/// Moments at which every discharge is looked at, evenly from the grace to its end.
const MOMENTS: u32 = 16;

/// One moment of one discharge. Seconds after it.
#[derive(Clone, Copy, Debug)]
struct Moment {
    truly_s: f64,
    /// Earliest and likely; none where nothing is known.
    said: Option<(f64, f64)>,
}

impl Moment {
    /// An end that was promised and not reached. Within a poll it is the same end.
    fn is_early(&self, poll_s: f64) -> bool {
        self.said.is_some_and(|(earliest, _)| self.truly_s + poll_s < earliest)
    }
}

/// What many discharges came to.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    discharges: u64,
    moments: u64,
    unknown: u64,
    early: u64,
    ever_early: u64,
    /// Of the true time that was left, what `earliest` and `likely` said.
    earliest: Vec<f64>,
    likely: Vec<f64>,
}

/// The site with its one UPS, and where its channels stand.
pub(crate) struct Rig {
    site: Arc<Site>,
}

impl Rig {
    pub(crate) fn new() -> Result<Self, FitError> {
        let site = Fit::by_hand("ups", include_str!("rooms/ups.toml"))?.site;
        Ok(Self { site })
    }

    /// Number `n` of a seed.
    pub(crate) fn discharge(&self, seed: u64, n: u64) -> Came {
        let drawn = Discharge::draw(seed, n);
        let mut dice = Dice::new(seed ^ 0x5EED, n);
        let mut state = State::new();
        step(&mut state, 0, &Input::Config(self.site.clone()));
        let mut moments = Vec::new();
        let mut t_s = -MAINS_S;
        let due = |k: u32| GRACE_S + (drawn.end_s - GRACE_S) * f64::from(k) / f64::from(MOMENTS);
        while t_s < drawn.end_s {
            let said = drawn.says(t_s.max(0.0), &mut dice);
            self.poll(&mut state, t_s, &said);
            let looked = u32::try_from(moments.len()).unwrap_or(MOMENTS);
            if looked < MOMENTS && t_s >= due(looked) {
                moments.push(moment(&state, t_s, drawn.end_s));
            }
            t_s += drawn.poll_s;
        }
        Came {
            poll_s: drawn.poll_s,
            moments,
        }
    }

    fn poll(&self, state: &mut State, t_s: f64, said: &Said) {
        for (ix, channel) in (0u32..).map(ChannelIx).zip(&self.site.channels) {
            let value = match channel.quantity {
                Quantity::OnBattery => Some(f64::from(u8::from(t_s >= 0.0))),
                Quantity::Charge => said.charge,
                Quantity::Runtime => said.runtime_s,
                _ => Some(said.load),
            };
            let Some(value) = value.and_then(Micro::from_f64) else {
                continue;
            };
            let reading = Input::Reading {
                channel: ix,
                value: Ok(value),
                simulated: true,
                age_ms: 0,
            };
            step(state, engine(t_s), &reading);
        }
    }
}

fn step(state: &mut State, now: Millis, input: &Input) {
    muster_core::step(state, now, input, &mut Vec::new());
}

/// What came of one.
pub(crate) struct Came {
    poll_s: f64,
    moments: Vec<Moment>,
}

fn engine(t_s: f64) -> Millis {
    ((t_s + MAINS_S) * 1_000.0).round() as Millis
}

fn moment(state: &State, t_s: f64, end_s: f64) -> Moment {
    let left = |at: Millis| (at - engine(t_s)) as f64 / 1_000.0;
    let loss = state.view(engine(t_s)).runway.loss;
    Moment {
        truly_s: end_s - t_s,
        said: loss.map(|loss| (left(loss.earliest), left(loss.likely))),
    }
}

impl Measured {
    pub(crate) fn take(&mut self, came: &Came) {
        let early = came.moments.iter().filter(|m| m.is_early(came.poll_s)).count() as u64;
        self.discharges += 1;
        self.moments += came.moments.len() as u64;
        self.early += early;
        self.ever_early += u64::from(early > 0);
        self.unknown += came.moments.iter().filter(|m| m.said.is_none()).count() as u64;
        for (moment, (earliest, likely)) in came.moments.iter().filter_map(|m| Some((m, m.said?))) {
            self.earliest.push(earliest / moment.truly_s.max(1.0));
            self.likely.push(likely / moment.truly_s.max(1.0));
        }
    }

    /// Of the moments at which anything was said, those at which the UPS lived as long as `earliest`.
    pub(crate) fn covered(&self) -> f64 {
        let said = self.moments - self.unknown;
        1.0 - self.early as f64 / said.max(1) as f64
    }

    /// The earliest end is kept as often as is stated, and is no excuse.
    pub(crate) fn is_as_stated(&mut self) -> bool {
        let [_, middle, _] = quantiles(&mut self.earliest);
        self.discharges > 0 && self.covered() >= STATED && middle >= USEFUL
    }

    pub(crate) fn text(&mut self, seed: u64) -> String {
        let missed = bound::upper(self.ever_early, self.discharges);
        format!(
            "{} discharges of seed {seed}, {} moments, {} of them with nothing known\n\
             the true end lay at or after `earliest` at {:.2} % of the moments (stated: {:.0} %)\n\
             {} discharges were over before it at one of their moments at least (95 % bound {:.2} %)\n\
             `earliest` was {} of what was really left (5, 50, 95 % of moments)\n\
             `likely` was {}\n",
            self.discharges,
            self.moments,
            self.unknown,
            self.covered() * 100.0,
            STATED * 100.0,
            self.ever_early,
            missed * 100.0,
            spread(&mut self.earliest),
            spread(&mut self.likely),
        )
    }

    pub(crate) fn json(&mut self, seed: u64) -> serde_json::Value {
        let covered = self.covered();
        serde_json::json!({
            "schema": 1,
            "seed": seed,
            "discharges": self.discharges,
            "moments": self.moments,
            "moments_unknown": self.unknown,
            "stated": STATED,
            "covered": covered,
            "discharges_ever_early": self.ever_early,
            "earliest_of_true": quantiles(&mut self.earliest),
            "likely_of_true": quantiles(&mut self.likely),
        })
    }
}

fn quantiles(all: &mut [f64]) -> [f64; 3] {
    all.sort_by(f64::total_cmp);
    let at = |share: f64| {
        all.get((all.len() as f64 * share) as usize)
            .copied()
            .unwrap_or(f64::NAN)
    };
    [at(0.05), at(0.5), at(0.95)].map(|x| (x * 1_000.0).round() / 1_000.0)
}

fn spread(all: &mut [f64]) -> String {
    let [low, middle, high] = quantiles(all);
    format!("{low:.2}, {middle:.2}, {high:.2}")
}
