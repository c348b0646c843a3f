//! An incident in one of its rooms: every name looked up in the room's config.

use std::collections::BTreeMap;

use muster_core::{ChannelIx, Input, Millis, PrincipalIx, SourceIx, Verb};
use muster_wire::{Absence, MICRO, Micro, Quantity};

use super::{Incident, Shows, SiteRef};
use crate::config::{self, Config, Finding, Severity};

/// A node is heard this often unless the file says otherwise.
const NODE_EVERY_MS: Millis = 1_000;
/// A device is polled this often unless its config says otherwise: a real poller reads trip registers faster.
const POLL_EVERY_MS: Millis = 1_000;
/// Every source, in a line `every all 10s`.
const ALL: &str = "all";
/// One person after another.
const APART_MS: Millis = 1_000;

/// A room ready to be played.
#[derive(Debug)]
pub struct Stage {
    /// What the file calls it.
    pub name: String,
    /// Its config.
    pub config: Config,
    /// What every channel shows, by its index.
    pub tracks: Vec<Track>,
    /// How often every source is heard, by its index.
    pub every: Vec<Millis>,
    /// When sources end and come back, in order of time.
    pub ends: BTreeMap<SourceIx, Vec<(Millis, Heard)>>,
    /// How long every hook takes, by its index; none if it cannot.
    pub hooks: Vec<Option<Millis>>,
    /// Orders, in order of time.
    pub orders: Vec<(Millis, PrincipalIx, Verb)>,
    /// Bypasses and planned work.
    pub service: Vec<(Millis, Input)>,
}

/// Whether a source is heard from a time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is, again.
    Again,
    /// It is not, and nobody says so.
    Silent,
    /// It is not, and its connection says so, in these words.
    Lost(String),
}

/// What a channel shows over time.
#[derive(Clone, Debug)]
pub struct Track {
    points: Vec<(Millis, Shows)>,
    quiet: Micro,
}

impl Track {
    /// Whether the file says anything of it.
    #[must_use]
    pub fn is_told(&self) -> bool {
        !self.points.is_empty()
    }

    /// Whether it says at some time that it has no value.
    #[must_use]
    pub fn is_ever_absent(&self) -> bool {
        self.points.iter().any(|(_, shows)| matches!(shows, Shows::Absent(_)))
    }

    /// What it shows then.
    ///
    /// # Errors
    /// Why it has no value.
    pub fn at(&self, at: Millis) -> Result<Micro, Absence> {
        let next = self.points.partition_point(|(when, _)| *when <= at);
        let before = next.checked_sub(1).and_then(|last| self.points.get(last));
        let (since, shown) = match before {
            Some((when, Shows::Value(value) | Shows::Ramp(value))) => (*when, Ok(*value)),
            Some((when, Shows::Absent(why))) => (*when, Err(*why)),
            None => (0, Ok(self.quiet)),
        };
        match (shown, self.points.get(next)) {
            (Ok(value), Some((until, Shows::Ramp(to)))) => Ok(between((since, value), (*until, *to), at)),
            (shown, _) => shown,
        }
    }
}

/// On the straight line between two points, rounded towards the first.
fn between(from: (Millis, Micro), to: (Millis, Micro), at: Millis) -> Micro {
    let whole = i128::from((to.0 - from.0).max(1));
    let rise = (i128::from(to.1.0) - i128::from(from.1.0)) * i128::from(at - from.0) / whole;
    Micro(from.1.0.saturating_add(i64::try_from(rise).unwrap_or_default()))
}

/// What a channel shows in quiet. Assumed; none of it is near a limit.
fn quiet(quantity: Quantity) -> Micro {
    let units = match quantity {
        Quantity::Temperature => 24,
        Quantity::Humidity => 40,
        Quantity::Charge => 1,
        Quantity::Runtime => 1_800,
        Quantity::Voltage => 230,
        Quantity::Load => return Micro(MICRO / 2),
        _ => 0,
    };
    Micro(units * MICRO)
}

impl Incident {
    /// Every room of the file.
    ///
    /// # Errors
    /// Every fault of the rooms' configs, and every name that none of them knows.
    pub fn stages(&self) -> Result<Vec<Stage>, Vec<Finding>> {
        let (mut configs, mut found) = (Vec::new(), Vec::new());
        for site in &self.sites {
            match config::load(&site.path) {
                Ok((config, _)) => configs.push((site, config)),
                Err(mut faults) => {
                    faults.retain(|f| f.severity == Severity::Error);
                    found.extend(faults);
                }
            }
        }
        if found.is_empty() {
            found = self.strangers(&configs.iter().map(|(_, config)| config).collect::<Vec<_>>());
            found.extend(self.unanswered(&configs));
        }
        if !found.is_empty() {
            return Err(found);
        }
        let stages = configs.into_iter().map(|(site, config)| self.stage(site, config));
        Ok(stages.collect())
    }

    /// Names that no room knows.
    fn strangers(&self, configs: &[&Config]) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut check = |line: usize, what: &str, id: &str, known: fn(&Config) -> Vec<&str>| {
            let ids: Vec<&str> = configs.iter().flat_map(|c| known(c)).collect();
            if !ids.contains(&id) {
                let hint = nearest(id, &ids, what);
                found.push(self.finding(line, format!("no {what} is called `{id}`"), hint));
            }
        };
        for point in &self.points {
            check(point.line, "channel", &point.channel, channels);
        }
        let ends = self.ends.iter().map(|e| (e.line, &e.source));
        let every = self.every.iter().filter(|e| e.source != ALL);
        for (line, source) in ends.chain(every.map(|e| (e.line, &e.source))) {
            check(line, "source", source, sources);
        }
        for hook in &self.hooks {
            check(hook.line, "hook", &hook.id, hooks);
        }
        for order in &self.orders {
            order.by.iter().for_each(|id| check(order.line, "person", id, persons));
        }
        for order in &self.service {
            check(order.line, "person", &order.by, persons);
            if order.is_work {
                check(order.line, "zone", &order.id, zones);
            } else {
                check(order.line, "source or channel", &order.id, sources_and_channels);
            }
        }
        found
    }

    /// Hooks of the rooms of which the file does not say how they answer.
    fn unanswered(&self, configs: &[(&SiteRef, Config)]) -> Vec<Finding> {
        let said: Vec<&str> = self.hooks.iter().map(|h| h.id.as_str()).collect();
        let of_site = |(site, config): &(&SiteRef, Config)| {
            let unsaid = hooks(config).into_iter().filter(|id| !said.contains(id));
            let finding = |hook| {
                let what = format!("nothing says how hook `{hook}` of {} answers", site.name);
                self.finding(site.line, what, format!("add `hook {hook} takes 45s | assumed: …`"))
            };
            unsaid.map(finding).collect::<Vec<_>>()
        };
        configs.iter().flat_map(of_site).collect()
    }

    fn finding(&self, line: usize, what: String, hint: String) -> Finding {
        super::parse::finding(&self.file.display().to_string(), line, what, hint)
    }

    /// When the sources of a room end and come back.
    fn ends_in(&self, config: &Config) -> BTreeMap<SourceIx, Vec<(Millis, Heard)>> {
        let mut ends: BTreeMap<SourceIx, Vec<(Millis, Heard)>> = BTreeMap::new();
        for end in &self.ends {
            let ix = sources(config)
                .iter()
                .position(|id| *id == end.source)
                .and_then(|ix| u16::try_from(ix).ok());
            if let Some(ix) = ix {
                ends.entry(SourceIx(ix)).or_default().push((end.at, end.heard.clone()));
            }
        }
        ends
    }

    fn stage(&self, site: &SiteRef, config: Config) -> Stage {
        let ix_of = |ids: Vec<&str>, id: &str| ids.iter().position(|i| *i == id);
        let tracks = config.site.channels.iter().map(|channel| Track {
            points: self
                .points
                .iter()
                .filter(|p| p.channel == channel.id)
                .map(|p| (p.at, p.shows))
                .collect(),
            quiet: quiet(channel.quantity),
        });
        let every = (0u16..).zip(&config.site.sources).map(|(ix, source)| {
            let named = |name: &str| self.every.iter().find(|e| e.source == name);
            let said = named(&source.id).or_else(|| named(ALL));
            said.map_or_else(|| usual_period(&config, SourceIx(ix)), |e| e.ms)
        });
        let answer = |id: &str| self.hooks.iter().find(|h| h.id == id).and_then(|h| h.takes_ms);
        let mut orders: Vec<(Millis, PrincipalIx, Verb)> = Vec::new();
        for order in &self.orders {
            for (later, id) in (0..).zip(&order.by) {
                let ix = ix_of(persons(&config), id).and_then(|ix| u16::try_from(ix).ok());
                orders.extend(ix.map(|ix| (order.at + later * APART_MS, PrincipalIx(ix), order.verb)));
            }
        }
        orders.sort_by_key(|(at, ..)| *at);
        let service = self.service.iter();
        Stage {
            service: service
                .filter_map(|order| Some((order.at, order.input(&config)?)))
                .collect(),
            name: site.name.clone(),
            tracks: tracks.collect(),
            every: every.collect(),
            ends: self.ends_in(&config),
            hooks: config.site.hooks.iter().map(|h| answer(&h.id)).collect(),
            orders,
            config,
        }
    }
}

fn usual_period(config: &Config, ix: SourceIx) -> Millis {
    let device = config.polled.iter().find(|d| d.source == ix);
    device.map_or(NODE_EVERY_MS, |device| {
        let usual_ms = device.min_poll_ms().max(POLL_EVERY_MS.unsigned_abs());
        Millis::try_from(device.poll_ms.unwrap_or(usual_ms)).unwrap_or(POLL_EVERY_MS)
    })
}

fn channels(config: &Config) -> Vec<&str> {
    config.site.channels.iter().map(|c| c.id.as_str()).collect()
}

fn sources(config: &Config) -> Vec<&str> {
    config.site.sources.iter().map(|s| s.id.as_str()).collect()
}

fn sources_and_channels(config: &Config) -> Vec<&str> {
    [sources(config), channels(config)].concat()
}

fn zones(config: &Config) -> Vec<&str> {
    config.site.zones.iter().map(|z| z.id.as_str()).collect()
}

fn hooks(config: &Config) -> Vec<&str> {
    config.site.hooks.iter().map(|h| h.id.as_str()).collect()
}

fn persons(config: &Config) -> Vec<&str> {
    config.site.principals.iter().map(|p| p.id.as_str()).collect()
}

fn nearest(id: &str, ids: &[&str], what: &str) -> String {
    let distance = |known: &&&str| strsim::damerau_levenshtein(id, known);
    match ids.iter().min_by_key(distance) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("its rooms have no {what}"),
    }
}

impl Stage {
    /// Whether a source is heard then.
    #[must_use]
    pub fn is_heard(&self, source: SourceIx, at: Millis) -> bool {
        let known = self.ends.get(&source).map_or(&[][..], Vec::as_slice);
        let last = known.partition_point(|(when, _)| *when <= at).checked_sub(1);
        last.is_none_or(|last| known[last].1 == Heard::Again)
    }

    /// Channels of a source, with their indices.
    pub fn channels_of(&self, source: SourceIx) -> impl Iterator<Item = ChannelIx> + '_ {
        let all = (0u32..).zip(&self.config.site.channels);
        all.filter(move |(_, c)| c.source == source)
            .map(|(ix, _)| ChannelIx(ix))
    }
}
