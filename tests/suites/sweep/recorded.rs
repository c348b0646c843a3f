//! Room fires that were really recorded, through the same decision: when it votes, against when the commercial alarms in the
//! same rooms sounded.
//!
//! At each place there are two nodes for smoke and one for heat, as their own groups. Both nodes for smoke read the one
//! column that there is, so that two of one place vote together is arithmetic, and shows only when the first does. Smoke is the
//! ceiling's smoke meter (`SM…_1`, taken for optical density a metre), heat its thermocouple (`TC…_1`). A fire panel with
//! those commercial alarms on it is shown beside, its contact on from the first of them on: what is promised does not rest on it,
//! because that is the very moment that a vote is held against. Before ignition everything is taken to have shown for two minutes
//! what it showed first.

use std::collections::BTreeMap;
use std::path::Path;

use muster_wire::{Micro, Quantity};

use crate::fit::Fit;
use crate::play::Play;

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
    /// First vote of a sensor.
    pub(crate) first_vote_s: Option<f64>,
    /// Two nodes for smoke at one place vote.
    pub(crate) same_place_s: Option<f64>,
    /// Smoke and heat vote, at whatever places.
    pub(crate) diverse_s: Option<f64>,
    /// Smoke and the panel vote.
    pub(crate) with_panel_s: Option<f64>,
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
                (100.0 * (1.0 - libm::pow(10.0, -x))).clamp(0.0, 100.0)
            } else {
                *x
            }
        };
        (raw.len() == self.times_s.len()).then(|| raw.iter().map(unit).collect())
    }
}

const PANEL: &str = "panel";

/// A channel and what it showed at every time.
struct Recorded {
    id: String,
    quantity: Quantity,
    series: Vec<f64>,
}

/// What the places have, and the panel; a column that is missing or cut short is left out.
fn channels(test: &Test) -> Vec<Recorded> {
    let mut all = Vec::new();
    for place in ["A", "B", "C", "D", "E", "F"] {
        let at = place.to_lowercase();
        let mut add = |id: String, quantity: Quantity, column: &str| {
            all.extend(test.series(column).map(|series| Recorded { id, quantity, series }));
        };
        let (smoke, heat) = (format!("SM{place}_1"), format!("TC{place}_1"));
        add(format!("smoke-{at}-1"), Quantity::Smoke, &smoke);
        add(format!("smoke-{at}-2"), Quantity::Smoke, &smoke);
        add(format!("heat-{at}"), Quantity::Temperature, &heat);
    }
    let on = |t_s: &f64| f64::from(u8::from(*t_s >= test.first_alarm_s));
    all.push(Recorded {
        id: PANEL.to_owned(),
        quantity: Quantity::FireAlarm,
        series: test.times_s.iter().map(on).collect(),
    });
    all
}

fn config(channels: &[Recorded]) -> String {
    let mut text = include_str!("rooms/house.toml").to_owned();
    for Recorded { id, quantity, .. } in channels {
        text += &format!(
            "\n[[source]]\nid = \"{id}\"\nkind = \"node\"\nzone = \"house\"\nsignals = [\"{}\"]\n",
            quantity.as_str()
        );
    }
    text
}

fn play(test: &Test) -> Result<Came, RecordedError> {
    let channels = channels(test);
    let fit = Fit::by_hand("house", &config(&channels))?;
    let votes = votes(&fit, test, &channels);
    let mut came = Came {
        test: test.name.clone(),
        first_alarm_s: test.first_alarm_s,
        first_rise_s: first_rise_s(test, &channels),
        first_vote_s: votes.iter().find(|(_, group)| group != PANEL).map(|(at_s, _)| *at_s),
        same_place_s: None,
        diverse_s: None,
        with_panel_s: None,
    };
    for (nth, (at_s, group)) in votes.iter().enumerate() {
        for (_, other) in votes[..nth].iter().filter(|(_, other)| other != group) {
            let are = |one: &str, two: &str| group.starts_with(one) && other.starts_with(two);
            let place = |group: &str| group.trim_end_matches(['1', '2']).to_owned();
            if are("smoke", "smoke") && place(group) == place(other) {
                came.same_place_s.get_or_insert(*at_s);
            }
            if are("smoke", PANEL) || are(PANEL, "smoke") {
                came.with_panel_s.get_or_insert(*at_s);
            }
            if are("smoke", "heat") || are("heat", "smoke") {
                came.diverse_s.get_or_insert(*at_s);
            }
        }
    }
    Ok(came)
}

fn first_rise_s(test: &Test, channels: &[Recorded]) -> f64 {
    let rise = |channel: &Recorded| {
        let by = if channel.quantity == Quantity::Smoke { 0.2 } else { 2.0 };
        let at = channel.series.iter().position(|x| *x >= channel.series[0] + by)?;
        Some(test.times_s[at])
    };
    let physical = channels.iter().filter(|channel| channel.id != PANEL);
    physical.filter_map(rise).fold(f64::INFINITY, f64::min)
}

/// Every vote in order: seconds after ignition, and whose it is.
fn votes(fit: &Fit, test: &Test, channels: &[Recorded]) -> Vec<(f64, String)> {
    const QUIET_S: i32 = 120;
    let mut play = Play::new(fit, false);
    let of = |id: &str| {
        let site = &fit.site;
        site.channels.iter().position(|c| site.sources[c.source.at()].id == id)
    };
    let known: Vec<(usize, &Recorded)> = channels.iter().filter_map(|c| Some((of(&c.id)?, c))).collect();
    play.join(f64::from(-QUIET_S));
    let before = (-QUIET_S..0).step_by(2).map(|t_s| (f64::from(t_s), 0));
    let after = test.times_s.iter().enumerate().map(|(at, t_s)| (*t_s, at));
    for (t_s, at) in before.chain(after) {
        play.until(t_s);
        for (ix, channel) in &known {
            if let Some(value) = Micro::from_f64(channel.series[at]) {
                play.hear(*ix, Ok(value));
            }
        }
    }
    play.told.votes
}

/// For a terminal.
pub(crate) fn text(all: &[Came]) -> String {
    let mut text = format!(
        "two of one place read one column: the second votes with the first\n{:<8}{:>14}{:>13}{:>13}{:>13}{:>13}{:>13}\n",
        "test", "first alarm", "first rise", "first vote", "same place", "diverse", "with panel"
    );
    let s = |at_s: Option<f64>| at_s.map_or_else(|| "-".to_owned(), |s| format!("{s:.0} s"));
    for came in all {
        text += &format!(
            "{:<8}{:>14}{:>13}{:>13}{:>13}{:>13}{:>13}{}\n",
            came.test,
            s(Some(came.first_alarm_s)),
            s(Some(came.first_rise_s)),
            s(came.first_vote_s),
            s(came.same_place_s),
            s(came.diverse_s),
            s(came.with_panel_s),
            if came.is_as_promised() {
                ""
            } else {
                "   later than promised"
            },
        );
    }
    text
}
