//! Of the places that are told outside.

use std::sync::Arc;

use muster_core::Millis;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Label, gauges};
use crate::clock::Clock;
use crate::notify::Figures;

pub(super) fn about(registry: &mut Registry, places: &[Arc<Figures>], clock: &Clock) {
    counters(
        registry,
        "muster_notify_sent",
        "Messages and heartbeats a place outside took",
        places,
        Figures::sent,
    );
    counters(
        registry,
        "muster_notify_failed",
        "Attempts a place outside did not take",
        places,
        Figures::failed,
    );
    let age_s = |at: Millis| (clock.now() - at).max(0) / 1_000 / i64::from(clock.speed());
    let rows = places
        .iter()
        .map(|place| (label(place), place.oldest().map_or(0, age_s)));
    let help = "How long the oldest line has waited to be told, or no heartbeat has got out";
    gauges(registry, "muster_notify_oldest_unsent_seconds", help, rows.collect());
}

fn counters(registry: &mut Registry, name: &str, help: &str, places: &[Arc<Figures>], of: impl Fn(&Figures) -> u64) {
    let family = Family::<Vec<Label>, Counter>::default();
    for place in places {
        family.get_or_create(&label(place)).inc_by(of(place));
    }
    registry.register(name, help, family);
}

fn label(place: &Figures) -> Vec<Label> {
    vec![("place", place.place.clone())]
}
