//! `GET /metrics`: OpenMetrics, gathered anew for each scrape from the last view and the counters.

mod measured;
mod told;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use muster_core::{IncidentView, Level, Millis, View};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::devices::{Condition, Device};
use super::hosts::Logins;
use super::problem::Problem;
use super::serve::Room;
use super::status::age_ms;
use super::{channels, devices};
use crate::counters::Cause;
use crate::lanes::{ALARM_SLOTS, Batch, CONTROL_SLOTS, DATA_SLOTS, Lanes};
use crate::notify::Figures;

/// Told of every batch that the engine takes, before the core is; must not block.
pub type Tap = Box<dyn Fn(&Batch) + Send + Sync>;

/// Who is told, if anybody is.
#[derive(Default)]
struct Tapped(OnceLock<Tap>);

impl std::fmt::Debug for Tapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tapped({})", self.0.get().is_some())
    }
}

/// What other rooms measure beside the view; they set it, `/metrics` shows it.
#[derive(Debug, Default)]
pub struct Gauges {
    readings: AtomicU64,
    /// Of a benchmark; nobody else listens to readings.
    tapped: Tapped,
    commit_us: AtomicU64,
    decided: AtomicU64,
    stored: AtomicU64,
    mqtt_clients: AtomicI64,
    notify: RwLock<Vec<Arc<Figures>>>,
    hosts: RwLock<Arc<Mutex<Logins>>>,
}

impl Gauges {
    /// The engine has these readings now.
    pub fn add_readings(&self, batch: &Batch) {
        self.readings.fetch_add(batch.inputs.len() as u64, Ordering::Relaxed);
        if let Some(tap) = self.tapped.0.get() {
            tap(batch);
        }
    }

    /// Has every batch told from now on, for as long as the gateway runs; the first one to ask is the only one.
    pub fn tap(&self, tap: Tap) {
        // As it says.
        let _ = self.tapped.0.set(tap);
    }

    /// Readings the engine has taken so far.
    #[must_use]
    pub fn readings(&self) -> u64 {
        self.readings.load(Ordering::Relaxed)
    }

    /// What the last commit of a decision took. Microseconds.
    #[must_use]
    pub fn commit_us(&self) -> u64 {
        self.commit_us.load(Ordering::Relaxed)
    }

    /// What the last commit of the journal took. Microseconds.
    pub fn set_commit_us(&self, us: u64) {
        self.commit_us.store(us, Ordering::Relaxed);
    }

    /// Sequence of the last decision handed to the journal.
    pub fn set_decided(&self, seq: u64) {
        self.decided.store(seq, Ordering::Relaxed);
    }

    /// Sequence of the last decision on disk.
    pub fn set_stored(&self, seq: u64) {
        self.stored.store(seq, Ordering::Relaxed);
    }

    /// Decisions that wait for the disk.
    #[must_use]
    pub fn journal_waiting(&self) -> u64 {
        let decided = self.decided.load(Ordering::Relaxed);
        decided.saturating_sub(self.stored.load(Ordering::Relaxed))
    }

    /// Who keeps count of the hosts that are logged in, from now on.
    pub(crate) fn set_hosts(&self, logins: Arc<Mutex<Logins>>) {
        *self.hosts.write().unwrap_or_else(PoisonError::into_inner) = logins;
    }

    /// Hosts that are logged in now, by the UPS they ask for.
    pub(crate) fn hosts(&self) -> Logins {
        let logins = self.hosts.read().unwrap_or_else(PoisonError::into_inner).clone();
        let now = logins.lock().unwrap_or_else(PoisonError::into_inner);
        now.clone()
    }

    /// The places that are told outside, from now on.
    pub fn set_notify(&self, places: Vec<Arc<Figures>>) {
        *self.notify.write().unwrap_or_else(PoisonError::into_inner) = places;
    }

    fn notify(&self) -> Vec<Arc<Figures>> {
        self.notify.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A client of the embedded broker came (1) or went (−1).
    pub fn count_mqtt_client(&self, change: i64) {
        self.mqtt_clients.fetch_add(change, Ordering::Relaxed);
    }
}

const LEVELS: &str = "0 normal, 1 watch, 2 prepare, 3 evacuate";
const STEP_STATES: [&str; 10] = [
    "intent",
    "called",
    "running",
    "retry",
    "done",
    "cannot",
    "refused",
    "superseded",
    "withdrawn",
    "skipped",
];
const WORKLOAD_STATES: [&str; 9] = [
    "waiting",
    "moving",
    "verifying",
    "moved",
    "stopped",
    "stranded",
    "skipped",
    "returning",
    "home",
];

type Label = (&'static str, String);
type Row = (Vec<Label>, i64);

pub(crate) async fn get(State(room): State<Arc<Room>>) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let view = room.state.view.borrow().clone();
    // An engine that does not answer leaves out what it alone knows; the age of its view tells.
    let (channels, devices) = tokio::join!(channels::all(&room), devices::all(&room));
    let mut registry = Registry::default();
    measured::about(&mut registry, &channels.unwrap_or_default());
    about_sources(&mut registry, &devices.unwrap_or_default());
    about_levels(&mut registry, &view);
    about_detection(&mut registry, &view);
    about_runway(&mut registry, &view, room.state.clock.now());
    about_incident(&mut registry, view.incident.as_ref(), room.state.clock.now());
    told::about(&mut registry, &room.state.gauges.notify(), &room.state.clock);
    about_the_process(&mut registry, &room, &view);
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|_| Problem::engine_silent("the metrics could not be written down"))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], text))
}

fn about_levels(registry: &mut Registry, view: &View) {
    let zones = view
        .zones
        .iter()
        .map(|zone| (vec![("zone", zone.id.clone())], gravity(zone.level)));
    gauges(
        registry,
        "muster_level",
        &format!("Level of a zone: {LEVELS}"),
        zones.collect(),
    );
    gauge(
        registry,
        "muster_site_level",
        &format!("Level of the site: {LEVELS}"),
        gravity(view.level),
    );
    gauge(
        registry,
        "muster_armed",
        "1 while hooks are called for real, 0 while they are drills",
        i64::from(view.armed),
    );
    gauge(
        registry,
        "muster_simulated",
        "1 in a simulation",
        i64::from(view.simulated),
    );
}

fn about_detection(registry: &mut Registry, view: &View) {
    let held = view.votes.iter().filter(|vote| vote.held).count();
    let votes = vec![state_row("held", held), state_row("returned", view.votes.len() - held)];
    gauges(registry, "muster_votes", "Latched votes", votes);
    gauge(
        registry,
        "muster_troubles",
        "Present faults of the detecting system itself",
        whole(view.troubles.len()),
    );
    let channels = vec![
        (vec![("quality", "good".to_owned())], i64::from(view.channels_good)),
        (vec![("quality", "total".to_owned())], i64::from(view.channels_total)),
    ];
    gauges(registry, "muster_channels", "Channels that are good, of all", channels);
    let groups = view.zones.iter().flat_map(|zone| {
        let row = |state: &str, n| {
            (
                vec![("zone", zone.id.clone()), ("state", state.to_owned())],
                i64::from(n),
            )
        };
        [row("healthy", zone.groups_healthy), row("total", zone.groups_total)]
    });
    gauges(
        registry,
        "muster_groups",
        "Groups of a zone that could vote now, of those configured",
        groups.collect(),
    );
}

fn about_runway(registry: &mut Registry, view: &View, now: Millis) {
    let clocks = [("loss", &view.runway.loss), ("cut", &view.runway.cut)];
    let rows = clocks.into_iter().filter_map(|(clock, interval)| {
        let interval = interval.as_ref()?;
        let row = |bound: &str, at: Millis| {
            let labels = vec![("clock", clock.to_owned()), ("bound", bound.to_owned())];
            (labels, (at - now).div_euclid(1_000))
        };
        Some([row("earliest", interval.earliest), row("likely", interval.likely)])
    });
    let help = "Seconds left before the load is lost; absent without a hazard";
    gauges(registry, "muster_runway_seconds", help, rows.flatten().collect());
}

/// Whether each node and device is heard.
fn about_sources(registry: &mut Registry, devices: &[Device]) {
    let heard = |device: &Device| matches!(device.state(), Condition::Well | Condition::Faults);
    let rows = devices.iter().map(|device| {
        let labels = vec![("source", device.source.id.clone()), ("kind", device.kind().to_owned())];
        (labels, i64::from(heard(device)))
    });
    let help = "1 while a node or device is heard, whatever it says";
    gauges(registry, "muster_source_up", help, rows.collect());
}

/// From the release of irreversible steps until the last workload was safe, or until now.
fn evacuation_seconds(incident: &IncidentView, now: Millis) -> Option<f64> {
    let begun = incident.evacuate_begun?;
    let ends: Option<Vec<Millis>> = incident.workloads.iter().map(|work| work.safe_at).collect();
    let end = ends.and_then(|ends| ends.into_iter().max());
    Some(measured::seconds(
        (end.or(incident.closed).unwrap_or(now) - begun).max(0),
    ))
}

fn about_incident(registry: &mut Registry, incident: Option<&IncidentView>, now: Millis) {
    let lasted = incident.and_then(|incident| {
        Some((
            vec![("incident", incident.id.clone())],
            evacuation_seconds(incident, now)?,
        ))
    });
    let help = "From the release of irreversible steps until the last workload was safe, or until now";
    measured::fractions(
        registry,
        "muster_evacuation_duration_seconds",
        help,
        lasted.into_iter().collect(),
    );
    let steps = incident.map_or(&[][..], |incident| &incident.steps);
    let rows = by_state(&STEP_STATES, steps.iter().map(|step| step.state.as_str()));
    gauges(registry, "muster_steps", "Steps of the open or last incident", rows);
    let stuck = whole(steps.iter().filter(|step| step.stuck).count());
    gauge(registry, "muster_steps_stuck", "Steps past their declared time", stuck);
    let workloads = incident.map_or(&[][..], |incident| &incident.workloads);
    let rows = by_state(&WORKLOAD_STATES, workloads.iter().map(|w| w.state.as_str()));
    gauges(
        registry,
        "muster_workloads",
        "Workloads of the open or last incident",
        rows,
    );
}

/// Of all devices together: a site has too many for a label each.
fn about_polling(registry: &mut Registry, (heard, missed): (u64, u64)) {
    for (name, help, count) in [
        ("muster_polls", "Sound cycles of polled devices", heard),
        (
            "muster_polls_missed",
            "Polls due that could not be made: the device, or this gateway, was too slow",
            missed,
        ),
    ] {
        let counter = Counter::<u64>::default();
        counter.inc_by(count);
        registry.register(name, help, counter);
    }
}

fn about_the_process(registry: &mut Registry, room: &Room, view: &View) {
    let state = &room.state;
    let dropped = Family::<Vec<Label>, Counter>::default();
    for cause in Cause::ALL {
        dropped
            .get_or_create(&vec![("cause", cause.as_str().to_owned())])
            .inc_by(state.counters.get(*cause));
    }
    registry.register(
        "muster_dropped",
        "Turned away, or gone wrong outside, by cause",
        dropped,
    );
    about_polling(registry, state.polls.totals());
    let readings = Counter::<u64>::default();
    readings.inc_by(state.gauges.readings.load(Ordering::Relaxed));
    registry.register("muster_readings", "Readings taken", readings);
    let load = |gauge: &AtomicU64| i64::try_from(gauge.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
    let commit_s = load(&state.gauges.commit_us) as f64 / 1e6;
    let help = "What the last commit took";
    measured::fractions(
        registry,
        "muster_journal_commit_seconds",
        help,
        vec![(vec![], commit_s)],
    );
    gauge(
        registry,
        "muster_journal_waiting",
        "Decisions that wait for the disk",
        i64::try_from(state.gauges.journal_waiting()).unwrap_or(i64::MAX),
    );
    let clients = state.gauges.mqtt_clients.load(Ordering::Relaxed);
    gauge(
        registry,
        "muster_mqtt_clients",
        "Clients at the embedded broker",
        clients,
    );
    let age = vec![(vec![], measured::seconds(age_ms(view, &state.clock)))];
    measured::fractions(
        registry,
        "muster_view_age_seconds",
        "Since the decision loop last spoke, real time",
        age,
    );
    gauges(
        registry,
        "muster_lane_waiting",
        "Messages waiting for the engine",
        lane_rows(&state.lanes),
    );
    if let Some(bytes) = resident_bytes() {
        gauge(registry, "process_resident_memory_bytes", "Resident memory", bytes);
    }
}

fn lane_rows(lanes: &Lanes) -> Vec<Row> {
    let row = |lane: &str, slots: usize, free: usize| (vec![("lane", lane.to_owned())], whole(slots - free));
    vec![
        row("alarm", ALARM_SLOTS, lanes.alarm.capacity()),
        row("data", DATA_SLOTS, lanes.data.capacity()),
        row("control", CONTROL_SLOTS, lanes.control.capacity()),
    ]
}

/// One series without labels.
fn gauge(registry: &mut Registry, name: &str, help: &str, value: i64) {
    let gauge: Gauge = Gauge::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

/// One series a row.
fn gauges(registry: &mut Registry, name: &str, help: &str, rows: Vec<Row>) {
    let family = Family::<Vec<Label>, Gauge>::default();
    for (labels, value) in rows {
        family.get_or_create(&labels).set(value);
    }
    registry.register(name, help, family);
}

/// Every known state, so that a series does not vanish when it falls to zero, and any other that is there.
fn by_state<'a>(known: &[&'a str], found: impl Iterator<Item = &'a str>) -> Vec<Row> {
    let mut counts: BTreeMap<&str, usize> = known.iter().map(|state| (*state, 0)).collect();
    for state in found {
        *counts.entry(state).or_default() += 1;
    }
    counts.into_iter().map(|(state, n)| state_row(state, n)).collect()
}

fn state_row(state: &str, n: usize) -> Row {
    (vec![("state", state.to_owned())], whole(n))
}

fn whole(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn gravity(level: Level) -> i64 {
    match level {
        Level::Normal => 0,
        Level::Watch => 1,
        Level::Prepare => 2,
        Level::Evacuate => 3,
    }
}

/// `VmRSS` of `/proc/self/status`: already in KiB, where `statm` would need the page size. None outside Linux.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}
