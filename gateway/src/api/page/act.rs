//! What to do now.

use maud::{Markup, html};

use super::Moment;
use crate::api::advice;

pub(super) fn section(moment: &Moment<'_>) -> Markup {
    html! {
        section #act data-part="" {
            h2 { "What to do now" }
            ol { @for line in advice::next_with(moment.view, moment.clock, moment.here, Some(moment.logins)) { li { (with_commands(&line)) } } }
        }
    }
}

/// A line ends between two words: whoever types it from a screen must not read `--` and `url` apart.
pub(super) fn whole_words(command: &str) -> Markup {
    html! { @for (i, word) in command.split(' ').enumerate() { @if i > 0 { " " } span { (word) } } }
}

/// `Words in back quotes` are what to type.
pub(super) fn with_commands(line: &str) -> Markup {
    html! {
        @for (i, part) in line.split('`').enumerate() {
            @if i % 2 == 1 { code { (whole_words(part)) } } @else { (part) }
        }
    }
}
