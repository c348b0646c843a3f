use muster_core::{Verb, Verdict};
use serde_json::{Value, json};

use super::stand::{Stand, TOKENS, client};
use super::story;
use crate::counters::Cause;

const EVACUATE: &str = r#"{"verb":"evacuate"}"#;

#[tokio::test]
async fn who_may_order() {
    let stand = Stand::with(story::normal).await;
    let Stand {
        address,
        mut ends,
        counters,
        ..
    } = stand;
    let post = || {
        client()
            .post(format!("http://{address}/api/v1/orders"))
            .header("content-type", "application/json")
            .body(EVACUATE)
    };
    let none = post().send().await.unwrap();
    assert_eq!(none.status(), 401);
    assert_eq!(none.headers()["www-authenticate"], "Bearer");
    assert_eq!(post().bearer_auth("guess").send().await.unwrap().status(), 401);
    assert_eq!(
        post().basic_auth("ann", Some(TOKENS[0])).send().await.unwrap().status(),
        401
    );
    assert_eq!(counters.get(Cause::OrderRefused), 3);
    assert!(
        ends.control.try_recv().is_err(),
        "a stranger's order must not reach the engine"
    );

    let engine = tokio::spawn(async move { Stand::answer_one(&mut ends, Verdict::Pending).await });
    let response = post().bearer_auth(TOKENS[1]).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["verdict"], "pending");
    assert_eq!(body["by"], "ben");
    assert_eq!(engine.await.unwrap(), ("ben".to_owned(), Verb::Evacuate));
}

#[tokio::test]
async fn guessing_is_slowed_and_a_valid_token_never() {
    let mut stand = Stand::with(story::normal).await;
    for _ in 0..10 {
        assert_eq!(stand.order("guess", EVACUATE).await.status(), 401);
    }
    let response = stand.order("guess", EVACUATE).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "60");
    assert_eq!(stand.count(Cause::OrderRefused), 11);
    let (response, asked) = tokio::join!(
        client()
            .post(format!("http://{}/api/v1/orders", stand.address))
            .bearer_auth(TOKENS[0])
            .header("content-type", "application/json")
            .body(EVACUATE)
            .send(),
        Stand::answer_one(&mut stand.ends, Verdict::Taken)
    );
    assert_eq!(response.unwrap().status(), 200);
    assert_eq!(asked, ("ann".to_owned(), Verb::Evacuate));
}

#[tokio::test]
async fn a_bypass_arrives_with_its_owner_reason_and_end() {
    use crate::lanes::Control;
    let mut stand = Stand::with(story::normal).await;
    let url = stand.url("/api/v1/orders");
    let send = |body: &'static str| {
        let request = client().post(url.clone()).bearer_auth(TOKENS[0]);
        request.header("content-type", "application/json").body(body).send()
    };
    let given = send(r#"{"verb":"bypass","target":"node-1","for_s":3600,"reason":"new fan"}"#);
    let engine = async {
        let Some(Control::Bypass { by, asked, answer }) = stand.ends.control.recv().await else {
            unreachable!("a bypass");
        };
        let why = "because".into();
        answer
            .send(muster_core::Answer {
                nonce: 1,
                verdict: Verdict::Taken,
                why,
            })
            .unwrap();
        (by, asked)
    };
    let (response, (by, asked)) = tokio::join!(given, engine);
    let document: Value = response.unwrap().json().await.unwrap();
    assert_eq!(
        (&document["verb"], &document["verdict"]),
        (&json!("bypass"), &json!("taken"))
    );
    assert_eq!(
        (&*by, asked.id.as_str(), asked.for_ms),
        ("ann", "node-1", Some(3_600_000))
    );
    assert_eq!(asked.reason, "new fan");
    for (body, why) in [
        (r#"{"verb":"work","for_s":60,"reason":"x"}"#, "target"),
        (r#"{"verb":"bypass","target":"n"}"#, "for_s"),
        (
            r#"{"verb":"bypass","target":"n","for_s":1,"at":"16:52"}"#,
            "`at` belongs to cut",
        ),
        (r#"{"verb":"hold","reason":"x"}"#, "belong to bypass and work"),
    ] {
        let response = send(body).await.unwrap();
        assert_eq!(response.status(), 422);
        let problem: Value = response.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
    }
}

#[tokio::test]
async fn every_verb_arrives_and_a_refusal_says_why() {
    let mut stand = Stand::with(story::normal).await;
    let verbs = [
        ("evacuate", Verb::Evacuate),
        ("hold", Verb::Hold),
        ("abort", Verb::Abort),
        ("arm", Verb::Arm),
        ("disarm", Verb::Disarm),
        ("reset", Verb::Reset),
        ("return", Verb::Return),
    ];
    for (word, verb) in verbs {
        let url = stand.url("/api/v1/orders");
        let body = format!(r#"{{"verb":"{word}"}}"#);
        let request = client()
            .post(url)
            .bearer_auth(TOKENS[0])
            .header("content-type", "application/json; charset=utf-8");
        let (response, asked) = tokio::join!(
            request.body(body).send(),
            Stand::answer_one(&mut stand.ends, Verdict::Refused)
        );
        assert_eq!(asked, ("ann".to_owned(), verb));
        let response = response.unwrap();
        assert_eq!(response.status(), 409);
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["detail"], format!("{word} refused"));
    }
    assert_eq!(stand.count(Cause::HttpRefused), 0, "a refused order is no bad input");
}

#[tokio::test]
async fn an_announced_cut_is_converted_once() {
    let mut stand = Stand::with(story::normal).await;
    let (now, wall) = (stand.clock.now(), stand.clock.wall_ms());
    let at = jiff::Timestamp::from_millisecond(wall + 5_400_000).unwrap();
    let mut given = Vec::new();
    for token in TOKENS {
        let request = client()
            .post(stand.url("/api/v1/orders"))
            .bearer_auth(token)
            .header("content-type", "application/json");
        let body = format!(r#"{{"verb":"cut","at":"{at}"}}"#);
        let (response, (_, verb)) = tokio::join!(
            request.body(body).send(),
            Stand::answer_one(&mut stand.ends, Verdict::Pending)
        );
        let body: Value = response.unwrap().json().await.unwrap();
        let shown: jiff::Timestamp = body["at_wall"].as_str().unwrap().parse().unwrap();
        assert_eq!(shown.as_second(), at.as_second());
        given.push(verb);
    }
    assert_eq!(
        given[0], given[1],
        "two persons who say the same time mean the same cut"
    );
    let Verb::Cut { at } = given[0] else {
        unreachable!("a cut was ordered")
    };
    assert!((at - now - 5_400_000).abs() < 100, "{}", at - now);
}

#[tokio::test]
async fn malformed_orders_are_named_and_never_reach_the_engine() {
    let mut stand = Stand::with(story::normal).await;
    let deep = "[".repeat(4_000);
    let cases = [
        ("", 400),
        ("{", 400),
        ("null", 400),
        (r#"{"verb":"explode"}"#, 400),
        (r#"{"verb":"evacuate","extra":1}"#, 400),
        (r#"{"verb":5}"#, 400),
        (deep.as_str(), 400),
        (r#"{"verb":"cut"}"#, 422),
        (r#"{"verb":"cut","at":"soon"}"#, 422),
        (r#"{"verb":"cut","at":"1999-01-01T00:00:00Z"}"#, 422),
        (r#"{"verb":"cut","at":"9999-01-01T00:00:00Z"}"#, 422),
        (r#"{"verb":"evacuate","at":"16:52"}"#, 422),
        ("\u{0}\u{1}", 400),
    ];
    for (body, status) in cases {
        let response = stand.order(TOKENS[0], body).await;
        assert_eq!(response.status(), status, "{body}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    assert!(stand.ends.control.try_recv().is_err());
    assert_eq!(stand.count(Cause::HttpRefused), 13);
}

#[tokio::test]
async fn a_browser_of_another_site_cannot_order() {
    let mut stand = Stand::with(story::normal).await;
    let url = stand.url("/api/v1/orders");
    let post = || client().post(&url).bearer_auth(TOKENS[0]).body(EVACUATE);
    let json = "application/json";
    let foreign = post()
        .header("content-type", json)
        .header("origin", "http://evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let null = post().header("content-type", json).header("origin", "null");
    assert_eq!(null.send().await.unwrap().status(), 403);
    let form = post().header("content-type", "text/plain");
    assert_eq!(form.send().await.unwrap().status(), 415);
    assert_eq!(post().send().await.unwrap().status(), 415);
    let rebound = post().header("content-type", json).header("host", "evil.example");
    assert_eq!(rebound.send().await.unwrap().status(), 421);
    let rebound = client().get(stand.url("/api/v1/status")).header("host", "evil.example");
    assert_eq!(rebound.send().await.unwrap().status(), 421);
    assert!(stand.ends.control.try_recv().is_err());
    assert_eq!(stand.count(Cause::HttpRefused), 6);

    let own = post()
        .header("content-type", json)
        .header("origin", format!("http://{}", stand.address));
    let (response, _) = tokio::join!(own.send(), Stand::answer_one(&mut stand.ends, Verdict::Taken));
    assert_eq!(response.unwrap().status(), 200);
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_told_apart_from_one_that_took_nothing() {
    let stand = Stand::with(story::normal).await;
    let Stand {
        address,
        mut ends,
        lanes,
        ..
    } = stand;
    let order = || {
        client()
            .post(format!("http://{address}/api/v1/orders"))
            .bearer_auth(TOKENS[0])
            .header("content-type", "application/json")
            .body(EVACUATE)
            .send()
    };
    let response = order().await.unwrap();
    assert_eq!(response.status(), 504);
    assert!(response.text().await.unwrap().contains("handed over"));
    assert!(
        ends.control.try_recv().is_ok(),
        "it was handed over, as the answer says"
    );

    while lanes
        .control
        .try_send(crate::lanes::Control::Input(muster_core::Input::Tick))
        .is_ok()
    {}
    let response = order().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.text().await.unwrap().contains("NOT GIVEN"));
}
