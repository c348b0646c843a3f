//! Reading from another machine, and through a proxy.

use serde_json::Value;

use super::stand::{Stand, TOKENS, client};
use super::story;
use crate::counters::Cause;

const PATHS: [&str; 8] = [
    "/",
    "/live",
    "/metrics",
    "/api/v1/status",
    "/api/v1/events",
    "/api/v1/incidents",
    "/api/v1/incidents/seoul-1-3",
    "/nothing/here",
];

fn proxied(stand: &Stand, path: &str) -> reqwest::RequestBuilder {
    client().get(stand.url(path)).header("x-forwarded-for", "10.0.0.7")
}

#[tokio::test]
async fn whoever_comes_through_a_proxy_shows_a_token_or_sees_nothing() {
    let stand = Stand::with(story::evacuate).await;
    for path in PATHS {
        let refused = proxied(&stand, path).send().await.unwrap();
        assert_eq!(refused.status(), 401, "{path}");
        let asked = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(
            asked.starts_with(if path == "/" { "Basic realm=" } else { "Bearer" }),
            "{path}: {asked}"
        );
        let text = refused.text().await.unwrap();
        assert!(
            !text.contains("battery-b3") && !text.contains("payments"),
            "{path}: {text}"
        );
    }
    assert_eq!(stand.count(Cause::ReadRefused), PATHS.len() as u64);
    for path in ["/healthz", "/openapi.json"] {
        assert_eq!(proxied(&stand, path).send().await.unwrap().status(), 200, "{path}");
    }
    for path in &PATHS[..7] {
        let bearer = proxied(&stand, path).bearer_auth(TOKENS[1]).send().await.unwrap();
        assert_eq!(bearer.status(), 200, "{path}");
        let basic = proxied(&stand, path)
            .basic_auth("anybody", Some(TOKENS[0]))
            .send()
            .await
            .unwrap();
        assert_eq!(basic.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_missing_token_is_no_guess_and_a_wrong_one_is() {
    let stand = Stand::with(story::normal).await;
    for _ in 0..12 {
        let answer = proxied(&stand, "/api/v1/status").send().await.unwrap();
        assert_eq!(answer.status(), 401);
    }
    for _ in 0..10 {
        let answer = proxied(&stand, "/api/v1/status")
            .bearer_auth("guess")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401);
    }
    let answer = proxied(&stand, "/")
        .basic_auth("x", Some("guess"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 429);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["type"], "urn:muster:problem:too-many-guesses");
    let right = proxied(&stand, "/")
        .basic_auth("x", Some(TOKENS[0]))
        .send()
        .await
        .unwrap();
    assert_eq!(right.status(), 200);
}

#[tokio::test]
async fn basic_gives_no_orders() {
    let stand = Stand::with(story::normal).await;
    let order = client()
        .post(stand.url("/api/v1/orders"))
        .basic_auth("ann", Some(TOKENS[0]));
    let answer = order.body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 401);
}
