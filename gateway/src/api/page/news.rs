//! The newest events, newest first.

use maud::{Markup, html};
use serde_json::Value;

use super::act::whole_words;
use super::{tag, time_of};
use crate::api::live;
use crate::api::serve::Room;

/// Lines on the page.
pub(crate) const SHOWN: usize = 20;

pub(super) fn section(room: &Room) -> Markup {
    let here = room.state.news.newest(SHOWN);
    let told = here.iter().map(|told| live::of_told(told));
    let older = room.older.get().into_iter().flatten().cloned();
    html! {
        section #news data-part="" {
            h2 { "News " small { "all of it: " code { (whole_words(&room.here.journal("--events"))) } } }
            @for event in told.chain(older).take(SHOWN) { (line(&event)) }
        }
    }
}

fn line(event: &Value) -> Markup {
    let text = |name: &str| event[name].as_str().unwrap_or_default();
    html! {
        p.event { span.time { (time_of(event["wall"].as_str().map(str::to_owned))) } " " (tag(text("kind"))) " "
            b { (text("subject")) } " " (text("line")) }
    }
}
