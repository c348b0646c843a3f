//! Zones as tiles with their groups and votes; trouble apart, because it is never an alarm.

use maud::{Markup, html};
use muster_core::{Level, VoteView, ZoneView};

use super::top::word;
use super::{Moment, rest, shape, tag};

/// Troubles on the page. When a whole bus is lost, one more line says nothing.
const SHOWN: usize = 40;

pub(super) fn section(moment: &Moment<'_>) -> Markup {
    html! {
        section #zones data-part="" {
            h2 { "Zones" }
            div.tiles { @for zone in &moment.view.zones { (tile(moment, zone)) } }
        }
    }
}

fn tile(moment: &Moment<'_>, zone: &ZoneView) -> Markup {
    let votes = moment.view.votes.iter().filter(|vote| vote.zone == zone.id);
    let weak = zone.groups_healthy < zone.groups_total;
    if is_mute(zone) {
        return mute(zone);
    }
    html! {
        div class=(format!("tile level-{}", zone.level)) {
            h3 { (shape::sign(zone.level)) b { (zone.id) } span.word { (word(zone.level)) } }
            p.groups.weak[weak] {
                (shape::groups(zone.groups_healthy, zone.groups_total))
                (zone.groups_healthy) " of " (zone.groups_total) " groups healthy"
            }
            @for vote in votes { (ballot(moment, vote)) }
            p.reason { (zone.why) }
        }
    }
}

/// Nothing there can vote, so that nothing is said of it is no good news. Work or power may still be.
fn is_mute(zone: &ZoneView) -> bool {
    zone.groups_total == 0 && zone.level == Level::Normal
}

fn mute(zone: &ZoneView) -> Markup {
    html! {
        div.tile.mute {
            h3 { (shape::unknown()) b { (zone.id) } span.word { "CANNOT ALARM" } }
            p.reason { (zone.why) }
        }
    }
}

fn ballot(moment: &Moment<'_>, vote: &VoteView) -> Markup {
    html! {
        p.vote { "VOTE of " b { (vote.group) } " " (tag(if vote.held { "held" } else { "returned" })) " since "
            (moment.time(vote.onset)) br; span.reason { (vote.why) } }
    }
}

pub(super) fn troubles(moment: &Moment<'_>) -> Markup {
    let all = &moment.view.troubles;
    let class = if all.is_empty() { "" } else { "present" };
    html! {
        section #trouble class=(class) data-part="" {
            h2 { "Trouble " small { "the detecting system itself; never an alarm" } }
            @if all.is_empty() { p.none { "None." } }
            @for trouble in all.iter().take(SHOWN) {
                p.item { b { (trouble.subject) } " since " (moment.time(trouble.since)) br; (trouble.line) }
            }
            (rest(all.len(), SHOWN))
        }
    }
}
