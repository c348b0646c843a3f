//! Whether anybody outside would learn of it. In 2022 nobody did for 14 minutes.

use super::super::faults::Faults;
use super::super::hook_url::looks_local;
use super::super::site::SiteRow;
use super::{PlaceRow, Way};

/// Warns of an armed site that tells nobody, nobody elsewhere, or that nobody would miss. A simulation needs none of it.
pub(in super::super) fn check(site: &SiteRow, rows: &[PlaceRow], faults: &Faults<'_>) {
    if !site.armed || site.simulated {
        return;
    }
    let is_beat = |row: &&PlaceRow| matches!(row.place.way, Way::Heartbeat(_));
    let (beats, told): (Vec<&PlaceRow>, Vec<&PlaceRow>) = rows.iter().partition(is_beat);
    let warn = |what: &str, hint: &str| faults.warning(site.id.at, what, hint);
    if told.is_empty() {
        warn(
            "the site is armed, and nobody outside is told of a fire",
            "add [[notify]] with kind = \"email\" or \"webhook\", and try it: muster notify test",
        );
    } else if told.iter().all(|row| looks_local(row.place.host())) {
        warn(
            "the site is armed, and every place it tells looks as if it stood in the site itself",
            "add a place that does not burn with it: a chat, a pager or a mail server elsewhere",
        );
    }
    if beats.iter().all(|row| looks_local(row.place.host())) {
        warn(
            "the site is armed, and nobody outside would notice that Muster itself is gone",
            "add [[notify]] with kind = \"heartbeat\" and the URL of a dead-man's watch elsewhere",
        );
    }
}
