//! What is drawn rather than written. A level has a colour, a word and a shape of its own: no one of them carries it alone.

use maud::{Markup, html};
use muster_core::Level;

/// The sign of a level: a tick in a circle, an exclamation mark in a triangle, a diamond, an arrow out of an octagon.
pub(super) fn sign(level: Level) -> Markup {
    let (outline, inside) = match level {
        Level::Normal => ("M12 1a11 11 0 1 0 0 22a11 11 0 0 0 0-22z", "M6 12.5l4 4l8-9"),
        Level::Watch => ("M12 1.5L23.5 22H.5z", "M12 8v7M12 17.6v1.6"),
        Level::Prepare => ("M12 .5L23.5 12L12 23.5L.5 12z", "M12 5.5v8M12 16v2"),
        Level::Evacuate => (
            "M7.2.5h9.6l6.7 6.7v9.6l-6.7 6.7H7.2L.5 16.8V7.2z",
            "M5 12h13M13 6.5l5.5 5.5L13 17.5",
        ),
    };
    html! {
        svg.sign viewBox="0 0 24 24" aria-hidden="true" {
            path.outline d=(outline) {}
            path.inside d=(inside) {}
        }
    }
}

/// The sign of what has no level: a question mark in a broken circle.
pub(super) fn unknown() -> Markup {
    html! {
        svg.sign viewBox="0 0 24 24" aria-hidden="true" {
            path.outline d="M12 1a11 11 0 1 0 0 22a11 11 0 0 0 0-22z" stroke-dasharray="4 3" {}
            path.inside d="M8.5 9.5a3.5 3.5 0 1 1 5 3.2c-1 .5-1.5 1.1-1.5 2.3M12 17.2v1.6" {}
        }
    }
}

/// One dot a group: filled, or crossed out.
pub(super) fn groups(healthy: u16, total: u16) -> Markup {
    // Beyond this many the words beside the dots have to do.
    const DOTS_MAX: u16 = 12;
    html! {
        @if total <= DOTS_MAX {
            svg.dots viewBox=(format!("0 0 {} 16", total.max(1) * 18)) aria-hidden="true" {
                @for i in 0..total {
                    @let x = i * 18 + 8;
                    @if i < healthy {
                        circle.well cx=(x) cy="8" r="6.5" {}
                    } @else {
                        circle.ill cx=(x) cy="8" r="6" {}
                        path.ill d=(format!("M{} 5l6 6m0-6l-6 6", x - 3)) {}
                    }
                }
            }
        }
    }
}

/// How far something is, in percent; none: under way, nobody says how far.
pub(super) fn bar(percent: Option<u8>, class: &str) -> Markup {
    html! {
        svg class=(format!("bar {class}")) aria-hidden="true" {
            rect.track width="100%" height="100%" {}
            @match percent {
                Some(percent) => { rect.done width=(format!("{percent}%")) height="100%" {} }
                None => { @for i in 0..10 { rect.maybe x=(format!("{}%", i * 10)) width="5%" height="100%" {} } }
            }
        }
    }
}
