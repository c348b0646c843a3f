//! What to do now.

use maud::{Markup, html};

use super::Moment;
use crate::api::advice;

pub(super) fn section(moment: &Moment<'_>) -> Markup {
    html! {
        section #act data-part="" {
            h2 { "What to do now" }
            ol { @for line in advice::next(moment.view, moment.clock, moment.here) { li { (with_commands(&line)) } } }
        }
    }
}

/// `Words in back quotes` are what to type.
fn with_commands(line: &str) -> Markup {
    html! {
        @for (i, part) in line.split('`').enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
