//! `GET /`: one plain page for the operator. Shell, style and script in one answer; nothing is fetched from elsewhere.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::serve::Room;

const SHELL: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Only this script and this style may run, known by their hashes; nothing is loaded, framed or sent elsewhere.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash_of(SCRIPT),
        hash_of(STYLE)
    )
});

pub(crate) async fn get(State(room): State<Arc<Room>>) -> ([(HeaderName, String); 4], String) {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (CONTENT_SECURITY_POLICY, POLICY.clone()),
        (X_FRAME_OPTIONS, "DENY".to_owned()),
        (REFERRER_POLICY, "no-referrer".to_owned()),
    ];
    let site = room.state.view.borrow().site.clone();
    (headers, render(&site))
}

/// Site ids match `[a-z0-9-]{1,32}`; anything else is left out rather than escaped.
fn render(site: &str) -> String {
    let site: String = site
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    SHELL
        .replace("{{style}}", STYLE)
        .replace("{{script}}", SCRIPT)
        .replace("{{site}}", &site)
}

fn hash_of(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_site_becomes_markup() {
        let html = render("<script>alert(1)</script>");
        assert_eq!(html.matches("<script>").count(), 1);
        assert!(html.contains("scriptalert1script"));
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere_and_nothing_becomes_markup() {
        let html = render("a");
        for bad in [
            "http://",
            "https://",
            "innerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            " src=",
            "style=\"",
            "onclick",
        ] {
            assert!(!html.contains(bad), "{bad}");
        }
        assert!(!html.contains("{{"));
    }
}
