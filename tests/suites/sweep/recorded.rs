//! Room fires that were really recorded, through the same decision: when it votes, against when the commercial alarms in the
//! same rooms sounded.
//!
//! At each place there are two nodes for smoke and one for heat, as their own groups. Both nodes for smoke read the one
//! column that there is, so that two of one place vote together is arithmetic, and shows only when the first does. Smoke is the
//! ceiling's smoke meter (`SM…_1`, taken for optical density a metre), heat its thermocouple (`TC…_1`). A fire panel with
//! those commercial alarms on it is shown beside, its contact on from the first of them on: what is promised does not rest on it,
//! because that is the very moment that a vote is held against. Before ignition everything is taken to have shown for two minutes
//! what it showed at first, as the median of its first three readings.
//!
//! Each test is played twice: by the gateway's defaults, and by the limits of quick detectors (`fit::QUICK`). Those were chosen with
//! these four recordings at hand and there are no others, so that they reach what is promised shows that it can be reached, not how
//! often it would be. What they cost without a fire, `sweep --quick` tells.

use std::collections::BTreeMap;
use std::path::Path;

use muster_wire::{Micro, Quantity};

use crate::fit::{Fit, QUICK, limited};
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
    /// The first physical rise: a thermocouple in the fire (`TCFIR…`) shows 2 °C more than at first.
    pub(crate) first_rise_s: f64,
    pub(crate) by_default: Voted,
    pub(crate) quick: Voted,
}

/// When what voted, in seconds after ignition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Voted {
    /// First vote of a sensor.
    first_s: Option<f64>,
    /// Two nodes for smoke at one place vote.
    same_place_s: Option<f64>,
    /// Smoke and heat vote, at whatever places.
    diverse_s: Option<f64>,
    /// Smoke and the panel vote.
    with_panel_s: Option<f64>,
}

impl Came {
    /// By quick detectors at most 5 s after the first alarm by two of one place and at most 15 s by two principles; and never,
    /// by any, before anything has risen.
    pub(crate) fn is_as_promised(&self) -> bool {
        let within = |at_s: Option<f64>, s: f64| at_s.is_some_and(|at_s| at_s <= self.first_alarm_s + s);
        let waits = |voted: &Voted| voted.first_s.is_none_or(|at_s| at_s >= self.first_rise_s);
        let in_time = within(self.quick.same_place_s, 5.0) && within(self.quick.diverse_s, 15.0);
        in_time && waits(&self.by_default) && waits(&self.quick)
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

/// The house with a node for each of them; with the limits of quick detectors, or none.
fn config(channels: &[Recorded], limits: &[(Quantity, &str)]) -> String {
    let mut text = include_str!("rooms/house.toml").to_owned();
    for Recorded { id, quantity, .. } in channels {
        let signal = quantity.as_str();
        text += &format!("\n[[source]]\nid = \"{id}\"\nkind = \"node\"\nzone = \"house\"\nsignals = [\"{signal}\"]\n");
        text += &limited(limits, id, *quantity);
    }
    text
}

fn play(test: &Test) -> Result<Came, RecordedError> {
    let channels = channels(test);
    let with = |limits: &[(Quantity, &str)]| -> Result<Voted, RecordedError> {
        let fit = Fit::by_hand("house", &config(&channels, limits))?;
        Ok(voted(&votes(&fit, test, &channels)))
    };
    Ok(Came {
        test: test.name.clone(),
        first_alarm_s: test.first_alarm_s,
        first_rise_s: first_rise_s(test),
        by_default: with(&[])?,
        quick: with(&QUICK)?,
    })
}

fn voted(votes: &[(f64, String)]) -> Voted {
    let mut voted = Voted {
        first_s: votes.iter().find(|(_, group)| group != PANEL).map(|(at_s, _)| *at_s),
        ..Voted::default()
    };
    for (nth, (at_s, group)) in votes.iter().enumerate() {
        for (_, other) in votes[..nth].iter().filter(|(_, other)| other != group) {
            let are = |one: &str, two: &str| group.starts_with(one) && other.starts_with(two);
            let place = |group: &str| group.trim_end_matches(['1', '2']).to_owned();
            if are("smoke", "smoke") && place(group) == place(other) {
                voted.same_place_s.get_or_insert(*at_s);
            }
            if are("smoke", PANEL) || are(PANEL, "smoke") {
                voted.with_panel_s.get_or_insert(*at_s);
            }
            if are("smoke", "heat") || are("heat", "smoke") {
                voted.diverse_s.get_or_insert(*at_s);
            }
        }
    }
    voted
}

fn first_rise_s(test: &Test) -> f64 {
    let fires = test.columns.iter().filter(|(column, _)| column.starts_with("TCFIR"));
    let rise = |(_, series): (&String, &Vec<f64>)| {
        let at = series.iter().position(|x| *x >= at_first(series) + 2.0)?;
        test.times_s.get(at).copied()
    };
    fires.filter_map(rise).fold(f64::INFINITY, f64::min)
}

/// One reading may be noise.
fn at_first(series: &[f64]) -> f64 {
    let mut first: Vec<f64> = series.iter().take(3).copied().collect();
    first.sort_by(f64::total_cmp);
    first[first.len() / 2]
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
    let before = (-QUIET_S..0).step_by(2).map(|t_s| (f64::from(t_s), None));
    let after = test.times_s.iter().enumerate().map(|(at, t_s)| (*t_s, Some(at)));
    for (t_s, at) in before.chain(after) {
        play.until(t_s);
        for (ix, channel) in &known {
            let shown = at.map_or_else(|| at_first(&channel.series), |at| channel.series[at]);
            if let Some(value) = Micro::from_f64(shown) {
                play.hear(*ix, Ok(value));
            }
        }
    }
    play.told.votes
}

/// For a terminal.
pub(crate) fn text(all: &[Came]) -> String {
    let mut text = format!(
        "two of one place read one column: the second votes with the first\n{:<22}{:^44}{:^33}\n",
        "", "by the defaults", "by quick detectors"
    );
    text += &format!("{:<8}{:>7}{:>7}", "test", "alarm", "rise");
    let heads = [
        "vote",
        "same place",
        "diverse",
        "with panel",
        "vote",
        "same place",
        "diverse",
    ];
    heads.iter().for_each(|head| text += &format!("{head:>11}"));
    text.push('\n');
    let s = |at_s: Option<f64>| at_s.map_or_else(|| "-".to_owned(), |s| format!("{s:.0} s"));
    for came in all {
        let (by_default, quick) = (&came.by_default, &came.quick);
        let (alarm, rise) = (s(Some(came.first_alarm_s)), s(Some(came.first_rise_s)));
        text += &format!("{:<8}{alarm:>7}{rise:>7}", came.test);
        let at_s = [
            by_default.first_s,
            by_default.same_place_s,
            by_default.diverse_s,
            by_default.with_panel_s,
            quick.first_s,
            quick.same_place_s,
            quick.diverse_s,
        ];
        at_s.iter().for_each(|at_s| text += &format!("{:>11}", s(*at_s)));
        text += if came.is_as_promised() {
            "\n"
        } else {
            "   later than promised\n"
        };
    }
    text
}
