//! Room fires that were really recorded, through the same decision: when it votes, against when the commercial alarms in the
//! same rooms sounded.
//!
//! At each place there are two nodes for smoke, which see the same air, and one for heat, as their own groups. Smoke is the
//! ceiling's smoke meter (`SM…_1`, taken for optical density a metre), heat its thermocouple (`TC…_1`). Before ignition
//! everything is taken to have shown for two minutes what it showed first.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use muster_core::{Effect, Input, Millis, Record, Site, State};
use muster_wire::{Micro, Quantity};

/// Why a folder of recordings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordedError {
    #[error("{file} cannot be read: {source}")]
    Read { file: String, source: std::io::Error },
    #[error("{file} is not such a recording: {what}")]
    Shape { file: String, what: String },
    #[error(transparent)]
    Fit(#[from] crate::fit::FitError),
}

/// One test: its columns by name, and when its alarms sounded.
struct Test {
    name: String,
    times_s: Vec<f64>,
    columns: BTreeMap<String, Vec<f64>>,
    first_alarm_s: f64,
}

/// What came of one test. Seconds after ignition.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) test: String,
    /// The first of its commercial alarms.
    pub(crate) first_alarm_s: f64,
    /// The first physical rise at any place: 0.2 %/m or 2 °C above the first.
    pub(crate) first_rise_s: f64,
    /// First vote of any group.
    pub(crate) first_vote_s: Option<f64>,
    /// Two nodes for smoke at one place vote.
    pub(crate) same_place_s: Option<f64>,
    /// Smoke and heat vote, at whatever places.
    pub(crate) diverse_s: Option<f64>,
}

impl Came {
    /// At most 5 s after the first alarm by two of one place, at most 15 s by two principles, and never before anything
    /// has risen.
    pub(crate) fn is_as_promised(&self) -> bool {
        let within = |at_s: Option<f64>, s: f64| at_s.is_some_and(|at_s| at_s <= self.first_alarm_s + s);
        let waits = self.first_vote_s.is_none_or(|at_s| at_s >= self.first_rise_s);
        within(self.same_place_s, 5.0) && within(self.diverse_s, 15.0) && waits
    }
}

/// Every test of a folder.
pub(crate) fn all(folder: &Path) -> Result<Vec<Came>, RecordedError> {
    let alarms = read(&folder.join("Activation_Times.csv"))?;
    let mut first: BTreeMap<&str, f64> = BTreeMap::new();
    for row in alarms.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        if let [test, _, at_s] = cells[..]
            && let Ok(at_s) = at_s.trim().parse::<f64>()
        {
            let known = first.entry(test).or_insert(at_s);
            *known = known.min(at_s);
        }
    }
    let mut came = Vec::new();
    for (name, first_alarm_s) in first {
        let path = folder.join(format!("NIST_Smoke_Alarms_{name}.csv"));
        if path.exists() {
            came.push(play(&Test::read(name, &path, first_alarm_s)?)?);
        }
    }
    Ok(came)
}

fn read(path: &Path) -> Result<String, RecordedError> {
    std::fs::read_to_string(path).map_err(|source| RecordedError::Read {
        file: path.display().to_string(),
        source,
    })
}

impl Test {
    fn read(name: &str, path: &Path, first_alarm_s: f64) -> Result<Self, RecordedError> {
        let text = read(path)?;
        let mut lines = text.lines();
        let heads: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
        let mut columns: BTreeMap<String, Vec<f64>> = heads.iter().map(|h| ((*h).to_owned(), Vec::new())).collect();
        for line in lines.filter(|line| !line.trim().is_empty()) {
            for (head, cell) in heads.iter().zip(line.split(',')) {
                if let Some(column) = columns.get_mut(*head) {
                    column.push(cell.trim().parse().unwrap_or(f64::NAN));
                }
            }
        }
        let times_s = columns.get("TIME").cloned().unwrap_or_default();
        if times_s.len() < 10 {
            let what = "it has no TIME".to_owned();
            return Err(RecordedError::Shape {
                file: path.display().to_string(),
                what,
            });
        }
        Ok(Self {
            name: name.to_owned(),
            times_s,
            columns,
            first_alarm_s,
        })
    }

    /// What a place's smoke meter or thermocouple shows, in the gateway's units: %/m and °C.
    fn series(&self, column: &str) -> Option<Vec<f64>> {
        let raw = self.columns.get(column)?;
        let smoke = column.starts_with("SM");
        let unit = |x: &f64| {
            if smoke {
                (100.0 * (1.0 - 10_f64.powf(-x))).clamp(0.0, 100.0)
            } else {
                *x
            }
        };
        (raw.len() == self.times_s.len()).then(|| raw.iter().map(unit).collect())
    }
}

/// What one place has: name, column, quantity.
fn channels(test: &Test) -> Vec<(String, String, Quantity)> {
    let mut all = Vec::new();
    for place in ["A", "B", "C", "D", "E", "F"] {
        let (smoke, heat) = (format!("SM{place}_1"), format!("TC{place}_1"));
        let at = place.to_lowercase();
        if test.columns.contains_key(&smoke) {
            all.push((format!("smoke-{at}-1"), smoke.clone(), Quantity::Smoke));
            all.push((format!("smoke-{at}-2"), smoke, Quantity::Smoke));
        }
        if test.columns.contains_key(&heat) {
            all.push((format!("heat-{at}"), heat, Quantity::Temperature));
        }
    }
    all
}

fn config(channels: &[(String, String, Quantity)]) -> String {
    let mut text = include_str!("rooms/house.toml").to_owned();
    for (id, _, quantity) in channels {
        text += &format!(
            "\n[[source]]\nid = \"{id}\"\nkind = \"node\"\nzone = \"house\"\nsignals = [\"{}\"]\n",
            quantity.as_str()
        );
    }
    text
}

fn play(test: &Test) -> Result<Came, RecordedError> {
    let channels = channels(test);
    let site = crate::fit::site_of("house", &config(&channels))?;
    let series: Vec<Vec<f64>> = channels
        .iter()
        .filter_map(|(_, column, _)| test.series(column))
        .collect();
    let mut came = Came {
        test: test.name.clone(),
        first_alarm_s: test.first_alarm_s,
        first_rise_s: first_rise_s(test, &channels, &series),
        first_vote_s: None,
        same_place_s: None,
        diverse_s: None,
    };
    let votes = votes(&site, test, &channels, &series);
    for (at, group) in &votes {
        let at_s = *at as f64 / 1_000.0;
        let before = votes
            .iter()
            .filter(|(earlier, _)| earlier <= at)
            .map(|(_, other)| other.as_str());
        let (place, is_smoke) = (group.trim_end_matches(['1', '2']), group.starts_with("smoke"));
        for other in before.filter(|other| *other != group) {
            if is_smoke && other.trim_end_matches(['1', '2']) == place {
                came.same_place_s.get_or_insert(at_s);
            }
            if other.starts_with("smoke") != is_smoke {
                came.diverse_s.get_or_insert(at_s);
            }
        }
        came.first_vote_s.get_or_insert(at_s);
    }
    Ok(came)
}

fn first_rise_s(test: &Test, channels: &[(String, String, Quantity)], series: &[Vec<f64>]) -> f64 {
    let rise = |(i, (_, _, quantity)): (usize, &(String, String, Quantity))| {
        let by = if *quantity == Quantity::Smoke { 0.2 } else { 2.0 };
        let at = series[i].iter().position(|x| *x >= series[i][0] + by)?;
        Some(test.times_s[at])
    };
    channels
        .iter()
        .enumerate()
        .filter_map(rise)
        .fold(f64::INFINITY, f64::min)
}

/// Every vote in order: engine time after ignition, and whose it is.
fn votes(
    site: &Arc<Site>,
    test: &Test,
    channels: &[(String, String, Quantity)],
    series: &[Vec<f64>],
) -> Vec<(Millis, String)> {
    const QUIET_MS: Millis = 120_000;
    let (mut state, mut votes) = (State::new(), Vec::new());
    let mut step = |now: Millis, input: &Input| {
        let mut effects = Vec::new();
        muster_core::step(&mut state, now, input, &mut effects);
        votes.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::Persist(entry) => match entry.record {
                Record::VoteHeld { group, .. } => Some((now - QUIET_MS, group)),
                _ => None,
            },
            _ => None,
        }));
    };
    step(0, &Input::Config(site.clone()));
    step(0, &Input::Restore(Vec::new()));
    let before = (0..QUIET_MS / 2_000).map(|i| (i * 2_000, 0));
    let after = test
        .times_s
        .iter()
        .enumerate()
        .map(|(i, t_s)| (QUIET_MS + (t_s * 1_000.0) as Millis, i));
    for (now, at) in before.chain(after) {
        for (ix, (id, ..)) in channels.iter().enumerate() {
            let channel = site.channels.iter().position(|c| site.sources[c.source.at()].id == *id);
            if let Some(value) = Micro::from_f64(series[ix][at])
                && let Some(channel) = channel.and_then(|c| u32::try_from(c).ok())
            {
                let channel = muster_core::ChannelIx(channel);
                step(
                    now,
                    &Input::Reading {
                        channel,
                        value: Ok(value),
                        simulated: false,
                        age_ms: 0,
                    },
                );
            }
        }
    }
    votes
}

/// For a terminal.
pub(crate) fn text(all: &[Came]) -> String {
    let mut text = format!(
        "{:<8}{:>14}{:>13}{:>13}{:>13}{:>13}\n",
        "test", "first alarm", "first rise", "first vote", "same place", "diverse"
    );
    let s = |at_s: Option<f64>| at_s.map_or_else(|| "-".to_owned(), |s| format!("{s:.0} s"));
    for came in all {
        text += &format!(
            "{:<8}{:>14}{:>13}{:>13}{:>13}{:>13}{}\n",
            came.test,
            s(Some(came.first_alarm_s)),
            s(Some(came.first_rise_s)),
            s(came.first_vote_s),
            s(came.same_place_s),
            s(came.diverse_s),
            if came.is_as_promised() {
                ""
            } else {
                "   later than promised"
            },
        );
    }
    text
}
