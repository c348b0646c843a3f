//! `GET /`: one page for the operator. Drawn here, for the first answer and for every live frame, so that it is whole
//! without a script; shell, style and script come in one answer, and nothing is fetched from elsewhere.
//!
//! It shows NOT LIVE by itself: every frame carries a banner that appears after five seconds unless the next frame has
//! replaced it. A script that hangs, a stream that is cut and a gateway that is gone all end the same way.

mod act;
mod devices;
mod drill;
mod news;
mod racks;
mod readiness;
mod shape;
mod time_bar;
mod top;
mod workloads;
mod zones;

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, WWW_AUTHENTICATE, X_FRAME_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use muster_core::{Millis, View};
use sha2::{Digest, Sha256};

pub(super) use news::SHOWN;

use super::here::Here;
use super::hosts::Logins;
use super::serve::Room;
use super::wall;
use crate::clock::Clock;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// Only this script and this style may run, known by their hashes; nothing is loaded, framed or sent elsewhere.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash_of(SCRIPT),
        hash_of(STYLE)
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

pub(crate) async fn get(State(room): State<Arc<Room>>) -> Response {
    super::devices::call(&room).await;
    let view = room.state.view.borrow().clone();
    let frame = PreEscaped(moving(&room, &view));
    (headers(), shell(&view.site, &frame, true).into_string()).into_response()
}

/// For somebody elsewhere who has not said who they are: the browser asks, and this stays if they give up.
pub(crate) fn login(site: &str) -> Response {
    let text = html! {
        main.login {
            h1 { "Muster" }
            p { "From another machine, or through a proxy, only those may look who have a token." }
            p { "Load this page again. When your browser asks, give any name, and your token as the password. "
                "It is the token that " code { "muster order" } " takes; " code { "muster order token --id NAME" } " makes one." }
            p { "Programs send " code { "Authorization: Bearer TOKEN" } "." }
        }
    };
    let mut headers = headers();
    let ask = HeaderValue::from_static("Basic realm=\"Muster: any name, your token as password\", charset=\"UTF-8\"");
    headers.insert(WWW_AUTHENTICATE, ask);
    (
        StatusCode::UNAUTHORIZED,
        headers,
        shell(site, &text, false).into_string(),
    )
        .into_response()
}

/// The part that moves, whole.
pub(crate) fn moving(room: &Room, view: &View) -> String {
    let logins = room.state.gauges.hosts();
    let moment = Moment {
        logins: &logins,
        clock: &room.state.clock,
        now: room.state.clock.now(),
        view,
        insecure: &room.state.insecure,
        here: &room.here,
    };
    let frame = html! {
        div #frame class=(format!("level-{}{}{}", view.level, if view.incident.is_some() { "" } else { " idle" }, if crate::api::advice::is_deaf(view) { " deaf" } else { "" })) {
            (top::stale(&moment))
            (top::headline(&moment))
            main {
                (top::hero(&moment))
                (act::section(&moment))
                div.column {
                    (time_bar::section(&moment))
                    (workloads::section(&moment))
                    (drill::section(&moment))
                    (readiness::section(room))
                    (devices::section(room))
                }
                div.column {
                    (zones::section(&moment))
                    (racks::section(&moment))
                    (zones::troubles(&moment))
                    (news::section(room))
                }
            }
            (top::footer(&moment))
        }
    };
    frame.into_string()
}

/// What the parts are drawn from.
struct Moment<'a> {
    /// Hosts that are logged in.
    logins: &'a Logins,
    clock: &'a Clock,
    now: Millis,
    view: &'a View,
    /// What goes over the network without TLS.
    insecure: &'a [&'static str],
    here: &'a Here,
}

impl Moment<'_> {
    /// Time of day of an engine time.
    fn time(&self, at: Millis) -> String {
        time_of(wall::rfc3339(self.clock.wall_of(at)))
    }

    /// As [`Moment::time`], to the nearest second, and with its date where that is not today's.
    fn day_and_time(&self, at: Millis) -> String {
        let of = |ms| wall::rfc3339(wall::to_the_second(ms)).unwrap_or_default();
        let (at, now) = (of(self.clock.wall_of(at)), of(self.clock.wall_ms()));
        let other_day = at.get(..10).filter(|day| now.get(..10) != Some(day));
        let day = other_day.map_or_else(String::new, |day| format!("{day} "));
        format!("{day}{}", time_of(Some(at)))
    }
}

/// Time of day of an RFC 3339 time.
fn time_of(wall: Option<String>) -> String {
    let time = wall.as_deref().and_then(|wall| wall.get(11..19));
    time.unwrap_or("--:--:--").to_owned()
}

/// `1 h 05 min`, `6 min 02 s`, `9 s`.
fn span(ms: Millis) -> String {
    let s = ms.unsigned_abs() / 1_000;
    match (s / 3_600, s / 60 % 60, s % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

/// A word of the API in its colour; only known words become class names.
fn tag(word: &str) -> Markup {
    let class: String = word.chars().filter(char::is_ascii_lowercase).collect();
    html! { span class=(format!("tag {class}")) { (word) } }
}

/// That a list goes on, and where: a page that cuts silently lies.
fn rest(all: usize, shown: usize) -> Markup {
    html! { @if all > shown { p.none { "and " (all - shown) " more: " code { "/api/v1/status" } } } }
}

fn shell(site: &str, frame: &Markup, moves: bool) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="dark";
                @if moves { noscript { meta http-equiv="refresh" content="3"; } }
                title { "Muster · " (site) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                p #said .unseen role="alert" {}
                (frame)
                @if moves {
                    noscript { p.none { "Without its script this page loads itself anew every 3 s." } }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        }
    }
}

fn headers() -> HeaderMap {
    let fixed = HeaderValue::from_static;
    HeaderMap::from_iter([
        (CONTENT_TYPE, fixed("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, POLICY.clone()),
        (X_FRAME_OPTIONS, fixed("DENY")),
        (REFERRER_POLICY, fixed("no-referrer")),
    ])
}

fn hash_of(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_site_becomes_markup() {
        let html = shell("<script>alert(1)</script>", &html! {}, true).into_string();
        assert_eq!(html.matches("<script>").count(), 1);
        assert!(html.contains("&lt;script&gt;alert(1)"));
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere_and_nothing_becomes_markup() {
        let html = shell("a", &html! {}, true).into_string();
        for bad in [
            "http://",
            "https://",
            "innerHTML =",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            " src=",
            "style=\"",
            "onclick",
        ] {
            assert!(!html.contains(bad), "{bad}");
        }
    }

    #[test]
    fn spans_read_well() {
        let shown = [9_999, 362_000, 3_900_000, -5_000].map(span);
        assert_eq!(shown, ["9 s", "6 min 02 s", "1 h 05 min", "5 s"]);
    }
}
