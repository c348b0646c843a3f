use std::future::Future;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;

const BEARER: &str = "a-bearer";
const PATIENCE: Duration = Duration::from_secs(10);

/// A receiver, a gateway's progress address, and a client to speak with.
struct Bench {
    url: String,
    progress_url: String,
    told: mpsc::Receiver<Value>,
    client: reqwest::Client,
}

async fn bench(options: ReceiverOptions, progress_refused_first: u32) -> Bench {
    let (tell, told) = mpsc::channel(100);
    let sink = Router::new()
        .route("/progress", post(sink))
        .with_state((tell, Arc::new(progress_refused_first.into())));
    let progress_at = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let progress_url = format!("http://{}/progress", progress_at.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(progress_at, sink).await });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, options));
    Bench {
        url,
        progress_url,
        told,
        client: report::client().unwrap(),
    }
}

type Sink = (mpsc::Sender<Value>, Arc<std::sync::atomic::AtomicU32>);

async fn sink(State((tell, refuse)): State<Sink>, headers: HeaderMap, Json(body): Json<Value>) -> StatusCode {
    use std::sync::atomic::Ordering::SeqCst;
    if headers.get("authorization").unwrap() != &format!("Bearer {BEARER}") {
        return StatusCode::UNAUTHORIZED;
    }
    if body["state"] == "done" && refuse.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_ok() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    tell.send(body).await.unwrap();
    StatusCode::NO_CONTENT
}

impl Bench {
    fn message(&self, phase: &str, token: u64) -> Value {
        json!({
            "specversion": "1.0", "id": "x", "type": "muster.step", "source": "seoul-1",
            "data": {
                "mode": "live", "incident": "seoul-1-1", "step": format!("db.move.{phase}.busan-1"), "phase": phase,
                "workload": "db", "rung": "move", "destination": "busan-1", "deadline": "2022-10-15T06:27:00Z",
                "deadline_in_s": 300, "token": token, "why": ["two votes"], "clock_speed": 1_000,
                "progress_url": self.progress_url, "progress_token": BEARER,
            }
        })
    }

    async fn post(&self, message: &Value) -> reqwest::Response {
        self.post_as(message, "application/cloudevents+json").await.unwrap()
    }

    fn post_as(&self, message: &Value, kind: &str) -> impl Future<Output = reqwest::Result<reqwest::Response>> + use<> {
        let data = &message["data"];
        let mark = if data["mode"] == "drill" { "drill." } else { "" };
        let key = format!(
            "{mark}{}.{}",
            data["incident"].as_str().unwrap(),
            data["step"].as_str().unwrap()
        );
        self.client
            .post(&self.url)
            .header("content-type", kind)
            .header("webhook-id", key)
            .body(message.to_string())
            .send()
    }

    async fn effects(&self) -> Value {
        let answer = self.client.get(format!("{}/effects", self.url)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn until_done(&mut self) -> Vec<Value> {
        let mut told = Vec::new();
        loop {
            let report = timeout(PATIENCE, self.told.recv()).await.unwrap().unwrap();
            told.push(report);
            if told.last().unwrap()["state"] == "done" {
                return told;
            }
        }
    }
}

#[tokio::test]
async fn work_is_accepted_reported_done_and_verified() {
    let mut bench = bench(ReceiverOptions::default(), 0).await;
    assert_eq!(bench.post(&bench.message("prepare", 1)).await.status(), 200);
    assert_eq!(
        bench.post(&bench.message("verify", 2)).await.status(),
        422,
        "nothing is evacuated yet"
    );
    let answer = bench.post(&bench.message("evacuate", 2)).await;
    assert_eq!(answer.status(), 202);
    let place = answer.headers()["location"].to_str().unwrap().to_owned();
    let told = bench.until_done().await;
    let percents: Vec<u64> = told.iter().map(|t| t["percent"].as_u64().unwrap()).collect();
    assert_eq!(percents, [25, 50, 75, 100]);
    let polled = bench.client.get(format!("{}{place}", bench.url)).send().await.unwrap();
    assert_eq!(polled.json::<Value>().await.unwrap()["state"], "done");
    assert_eq!(bench.post(&bench.message("verify", 3)).await.status(), 200);
}

/// A site is rehearsed disarmed: its calls are drills, and the live ones after them still do their work.
#[tokio::test]
async fn a_drill_is_taken_and_swallows_no_live_call() {
    let mut bench = bench(ReceiverOptions::default(), 0).await;
    let mut drill = bench.message("evacuate", 5);
    drill["data"]["mode"] = json!("drill");
    assert_eq!(bench.post(&drill).await.status(), 202);
    bench.until_done().await;
    assert_eq!(
        bench.post(&bench.message("verify", 2)).await.status(),
        422,
        "only drilled"
    );
    assert_eq!(
        bench.post(&bench.message("evacuate", 2)).await.status(),
        202,
        "a fence of its own"
    );
    bench.until_done().await;
    let steps = bench.effects().await["steps"].clone();
    assert_eq!(steps["drill.seoul-1-1.db.move.evacuate.busan-1"]["effects"], 1);
    assert_eq!(steps["seoul-1-1.db.move.evacuate.busan-1"]["effects"], 1);
}

#[tokio::test]
async fn one_key_is_one_effect_however_often_it_comes() {
    let mut bench = bench(ReceiverOptions::default(), 0).await;
    let message = bench.message("evacuate", 1);
    let attempts: Vec<_> = (0..100)
        .map(|_| tokio::spawn(bench.post_as(&message, "application/cloudevents+json; charset=utf-8")))
        .collect();
    for attempt in attempts {
        let status = attempt.await.unwrap().unwrap().status();
        assert!(status == 202 || status == 200, "{status}");
    }
    bench.until_done().await;
    assert_eq!(
        bench.post(&message).await.status(),
        200,
        "an old key is answered with its end"
    );
    let step = bench.effects().await["steps"]["seoul-1-1.db.move.evacuate.busan-1"].clone();
    assert_eq!(
        (step["effects"].as_u64(), step["attempts"].as_u64()),
        (Some(1), Some(101))
    );
    assert!(
        timeout(Duration::from_millis(100), bench.told.recv()).await.is_err(),
        "the end is told once"
    );
}

#[tokio::test]
async fn a_falling_token_is_refused() {
    let bench = bench(ReceiverOptions::default(), 0).await;
    assert_eq!(bench.post(&bench.message("evacuate", 9)).await.status(), 202);
    assert_eq!(bench.post(&bench.message("restore", 8)).await.status(), 409);
    assert_eq!(bench.post(&bench.message("restore", 10)).await.status(), 202);
    let mut elsewhere = bench.message("evacuate", 1);
    elsewhere["data"]["workload"] = "web".into();
    elsewhere["data"]["step"] = "web.move.evacuate.busan-1".into();
    assert_eq!(
        bench.post(&elsewhere).await.status(),
        202,
        "tokens are counted by workload"
    );
}

#[tokio::test]
async fn an_end_is_told_until_it_is_taken() {
    let mut bench = bench(ReceiverOptions::default(), 3).await;
    bench.post(&bench.message("evacuate", 1)).await;
    assert_eq!(bench.until_done().await.len(), 4);
}

#[tokio::test]
async fn what_is_no_message_is_turned_away_and_counted() {
    let secret = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let signed = bench(
        ReceiverOptions {
            secret,
            ..Default::default()
        },
        0,
    )
    .await;
    assert_eq!(signed.post(&signed.message("evacuate", 1)).await.status(), 401);
    assert_eq!(signed.effects().await["unsigned"], 1);

    let open = bench(ReceiverOptions::default(), 0).await;
    let good = open.message("evacuate", 1);
    assert_eq!(open.post_as(&good, "application/json").await.unwrap().status(), 400);
    for (field, value) in [("rung", json!("fly")), ("token", json!(-1)), ("phase", Value::Null)] {
        let mut bad = good.clone();
        bad["data"][field] = value;
        assert_eq!(open.post(&bad).await.status(), 400, "{field}");
    }
    let other = open
        .client
        .post(&open.url)
        .header("content-type", "application/cloudevents+json");
    let other_id = other
        .header("webhook-id", "another")
        .body(good.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(other_id.status(), 400);
    let mut long = good.clone();
    long["data"]["why"] = json!("x".repeat(70_000));
    assert_eq!(open.post(&long).await.status(), 413);
    let seen = open.effects().await;
    assert_eq!(
        (seen["malformed"].as_u64(), seen["steps"].as_object().unwrap().len()),
        (Some(5), 0)
    );
}

async fn with_faults(faults: Faults) -> Bench {
    bench(
        ReceiverOptions {
            faults,
            ..Default::default()
        },
        0,
    )
    .await
}

#[tokio::test]
async fn faults_show_as_asked_for() {
    let failing = with_faults(Faults {
        fail_first: 2,
        ..Default::default()
    })
    .await;
    let message = failing.message("evacuate", 1);
    for status in [500, 500, 202] {
        assert_eq!(failing.post(&message).await.status(), status);
    }
    let cannot = with_faults(Faults {
        cannot: vec!["db".into()],
        ..Default::default()
    })
    .await;
    assert_eq!(cannot.post(&cannot.message("evacuate", 1)).await.status(), 422);
    let redirecting = with_faults(Faults {
        redirect_to: Some("http://127.0.0.1:1/".into()),
        ..Default::default()
    })
    .await;
    assert_eq!(
        redirecting.post(&redirecting.message("evacuate", 1)).await.status(),
        307
    );
    let hanging = with_faults(Faults {
        hangs: true,
        ..Default::default()
    })
    .await;
    let request = hanging.post_as(&hanging.message("evacuate", 1), "application/cloudevents+json");
    assert!(timeout(Duration::from_millis(200), request).await.is_err());
}

#[tokio::test]
async fn a_forgetful_receiver_doubles_its_effect() {
    let mut bench = with_faults(Faults {
        forgets: true,
        ..Default::default()
    })
    .await;
    let message = bench.message("evacuate", 1);
    assert_eq!(bench.post(&message).await.status(), 202);
    assert_eq!(bench.post(&message).await.status(), 202);
    bench.until_done().await;
    bench.until_done().await;
    assert_eq!(
        bench.effects().await["steps"]["seoul-1-1.db.move.evacuate.busan-1"]["effects"],
        2
    );
}
