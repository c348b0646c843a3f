use muster_core::{HookOutcome, Input, Mode};
use tokio::time::timeout;

use super::stand::{PROGRESS_KEY, SOON, Stand, client};
use super::story;
use crate::counters::Cause;
use crate::hooks::progress::bearer;
use crate::lanes::Control;

const STEP: &str = "messages.move.evacuate.busan";

async fn report(stand: &Stand, step: &str, bearer: &str, body: &str) -> u16 {
    let url = stand.url(&format!("/api/v1/incidents/seoul-1-3/steps/{step}/progress"));
    let request = client()
        .post(url)
        .bearer_auth(bearer)
        .header("content-type", "application/json");
    request.body(body.to_owned()).send().await.unwrap().status().as_u16()
}

async fn heard(stand: &mut Stand) -> (String, String, HookOutcome) {
    let (incident, step, _, outcome) = heard_of(stand).await;
    (incident, step, outcome)
}

async fn heard_of(stand: &mut Stand) -> (String, String, Mode, HookOutcome) {
    let control = timeout(SOON, stand.ends.control.recv()).await.unwrap().unwrap();
    match control {
        Control::Input(Input::Hook {
            incident,
            step,
            outcome,
            mode,
        }) => (incident, step, mode, outcome),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn progress_with_its_own_bearer_reaches_the_engine() {
    let mut stand = Stand::with(story::evacuate).await;
    let key = bearer(&PROGRESS_KEY, &format!("seoul-1-3.{STEP}"));
    let long = format!(
        r#"{{"state":"failed","note":"no room\n\u001b[31m{}"}}"#,
        "x".repeat(500)
    );
    let cases = [
        (
            r#"{"state":"running","percent":62,"note":"copying"}"#,
            HookOutcome::Running { percent: Some(62) },
        ),
        (r#"{"state":"running"}"#, HookOutcome::Running { percent: None }),
        (r#"{"state":"done"}"#, HookOutcome::Done),
    ];
    for (body, outcome) in cases {
        assert_eq!(report(&stand, STEP, &key, body).await, 202);
        assert_eq!(
            heard(&mut stand).await,
            ("seoul-1-3".to_owned(), STEP.to_owned(), outcome)
        );
    }
    assert_eq!(report(&stand, STEP, &key, &long).await, 202);
    let (_, _, HookOutcome::Cannot { note }) = heard(&mut stand).await else {
        unreachable!("failed means cannot")
    };
    assert!(
        note.starts_with("no room") && note.chars().count() <= 200 && !note.contains(char::is_control),
        "{note:?}"
    );
}

#[tokio::test]
async fn progress_with_any_other_bearer_does_not() {
    let mut stand = Stand::with(story::evacuate).await;
    let done = r#"{"state":"done"}"#;
    let others = [
        bearer(&PROGRESS_KEY, "seoul-1-3.payments.move.evacuate.busan"),
        bearer(&PROGRESS_KEY, &format!("seoul-1-2.{STEP}")),
        bearer(&[0; 32], &format!("seoul-1-3.{STEP}")),
        bearer(&PROGRESS_KEY, &format!("seoul-1-3.{STEP}")).to_uppercase(),
        "guess".to_owned(),
    ];
    for other in &others {
        assert_eq!(report(&stand, STEP, other, done).await, 401, "{other}");
    }
    assert_eq!(stand.count(Cause::ProgressRefused), 5);
    assert!(stand.ends.control.try_recv().is_err());
}

/// What is left of a drill must not end the live step of the same name: the bearer tells which call it came with.
#[tokio::test]
async fn a_bearer_speaks_for_the_call_it_came_with() {
    let mut stand = Stand::with(story::prepare).await;
    let step = "messages.move.prepare.busan";
    for (mode, id) in [
        (Mode::Live, format!("seoul-1-3.{step}")),
        (Mode::Drill, format!("drill.seoul-1-3.{step}")),
    ] {
        let key = bearer(&PROGRESS_KEY, &id);
        assert_eq!(report(&stand, step, &key, r#"{"state":"done"}"#).await, 202);
        let (_, _, heard, outcome) = heard_of(&mut stand).await;
        assert_eq!((heard, outcome), (mode, HookOutcome::Done));
    }
}

#[tokio::test]
async fn malformed_progress_is_named() {
    let mut stand = Stand::with(story::evacuate).await;
    let key = bearer(&PROGRESS_KEY, &format!("seoul-1-3.{STEP}"));
    for body in [
        "",
        "{}",
        r#"{"state":"sleeping"}"#,
        r#"{"state":"running","percent":101}"#,
        r#"{"state":"running","percent":-1}"#,
    ] {
        assert_eq!(report(&stand, STEP, &key, body).await, 422, "{body}");
    }
    let large = format!(r#"{{"state":"done","note":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(report(&stand, STEP, &key, &large).await, 413);
    assert!(stand.ends.control.try_recv().is_err());
}
