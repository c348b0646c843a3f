//! What is seen first: whether the page is live, what holds for all of it, the level and why.

use maud::{Markup, html};
use muster_core::Level;

use super::{Moment, shape, span};
use crate::api::health::VIEW_AGE_MAX_MS;
use crate::api::{advice, status, wall};

/// Hidden for five seconds, by the style alone; at once where the decision loop is silent.
pub(super) fn stale(moment: &Moment<'_>) -> Markup {
    let silent = status::age_ms(moment.view, moment.clock) > VIEW_AGE_MAX_MS;
    let why = if silent {
        "The gateway answers, but its decision loop is silent."
    } else {
        "Nothing has come from the gateway since."
    };
    html! {
        div #stale data-part="always" {
            div.banner.now[silent] {
                strong { "NOT LIVE since " (moment.time(moment.view.now)) }
                span { (why) " What you see is old. Watch the room by other means, and look whether Muster still runs." }
            }
        }
    }
}

/// What must be seen before anything else.
pub(super) fn headline(moment: &Moment<'_>) -> Markup {
    let lines = advice::headline(moment.view, moment.clock.speed(), moment.insecure);
    html! {
        header #headline data-part="" {
            @for line in &lines { div class=(class_of(line)) { (line) } }
        }
    }
}

fn class_of(line: &str) -> &'static str {
    if line.starts_with("SIM") {
        "simulation"
    } else if line.starts_with("DISARMED") || line.starts_with("DRILL") {
        "disarmed"
    } else {
        "warning"
    }
}

pub(super) fn hero(moment: &Moment<'_>) -> Markup {
    let view = moment.view;
    let troubles = view.troubles.len();
    let speed = moment.clock.speed();
    html! {
        section #hero {
            p #site data-part="" {
                b { (view.site) } " "
                span.time { (moment.time(view.now)) } " " span.zone { (wall::zone(moment.clock.wall_of(view.now))) }
                @if speed > 1 { " " span { "clock ×" (speed) } }
                @if view.armed { " " span { "armed" } }
                @if troubles > 0 {
                    " " span.chip { (troubles) @if troubles == 1 { " trouble" } @else { " troubles" } }
                }
            }
            h1 #level data-part="" aria-live="assertive" {
                @if advice::is_deaf(view) && view.level == Level::Normal {
                    (shape::unknown()) span { "CANNOT ALARM" }
                } @else {
                    (shape::sign(view.level)) span { (word(view.level)) }
                }
            }
            p #why data-part="" { (view.why) }
        }
    }
}

pub(super) const fn word(level: Level) -> &'static str {
    match level {
        Level::Normal => "NORMAL",
        Level::Watch => "WATCH",
        Level::Prepare => "PREPARE",
        Level::Evacuate => "EVACUATE",
    }
}

pub(super) fn footer(moment: &Moment<'_>) -> Markup {
    let view = moment.view;
    let age = status::age_ms(view, moment.clock);
    html! {
        footer #foot data-part="" {
            span { (view.channels_good) " of " (view.channels_total) " channels without a fault" }
            span { "drawn " (moment.time(moment.now)) ", decision loop heard " @if age < 1_000 { "just now" } @else { (span(age)) " ago" } }
            span { "Muster " (env!("CARGO_PKG_VERSION")) }
            span { "JSON: /api/v1/status, all of it: /openapi.json" }
        }
    }
}
