//! The reference receiver, run as the process that it is.
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path as Parts, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use muster_core::{Mode, Phase};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::tests::Bench;
use super::*;
use crate::config::WebhookTarget;
use crate::hooks::envelope::Envelope;
use crate::hooks::testing::{SMALL, SOON, call, serve, target};
use crate::hooks::webhook::Webhook;
use crate::hooks::{progress, signing};

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder of a test's own, removed when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let n = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("muster-receiver-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Effects of workloads, as the receiver's file has them.
    fn effects(&self) -> Vec<String> {
        let db = rusqlite::Connection::open(self.0.join("receiver.db")).unwrap();
        let mut rows = db.prepare("SELECT key FROM effects ORDER BY key").unwrap();
        rows.query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Receiver {
    process: Child,
    url: String,
}

impl Receiver {
    async fn start(folder: &Folder, work_seconds: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/receiver.py");
        let secret = format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode([5; 32]));
        let mut process = Command::new("python3")
            .arg(script)
            .args([
                "--port",
                "0",
                "--work-seconds",
                work_seconds,
                "--secret",
                &secret,
                "--db",
            ])
            .arg(folder.0.join("receiver.db"))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = timeout(SOON, lines.next_line()).await.unwrap().unwrap().unwrap();
        let address = first.strip_prefix("listening on ").unwrap_or_else(|| panic!("{first}"));
        let url = format!("http://{address}/");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { process, url }
    }

    /// kill -9, and gone.
    async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    fn hook(&self, secret: Vec<u8>) -> Webhook {
        let target = WebhookTarget {
            secret: crate::config::Secret(secret),
            ..target(self.url.clone())
        };
        let clients = Clients::new(SMALL.connect).unwrap();
        Webhook::new(
            "orchestrator".into(),
            target,
            &clients,
            SMALL,
            Clock::starting_at(0),
            Counters::default(),
        )
        .unwrap()
    }

    async fn answer(&self, call: &Call) -> HookOutcome {
        self.hook(vec![5; 32])
            .attempt(&event(call, "http://127.0.0.1:1"))
            .await
            .outcome
    }

    /// Posts bytes that are signed as ours, `late_s` seconds ago.
    async fn post(&self, id: &str, body: &[u8], late_s: i64) -> u16 {
        let at = Clock::starting_at(0).real_unix_s() - late_s;
        let signature = signing::sign(&crate::config::Secret(vec![5; 32]), id, at, body);
        let request = Clients::new(SMALL.connect).unwrap().get(true).post(&self.url);
        let signed = request
            .header("webhook-id", id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", signature);
        timeout(SOON, signed.body(body.to_vec()).send())
            .await
            .unwrap()
            .unwrap()
            .status()
            .as_u16()
    }
}

fn event(call: &Call, base: &str) -> Envelope {
    Envelopes::new(Clock::starting_at(0), base, [3; 32])
        .unwrap()
        .of(call)
        .unwrap()
}

fn step(workload: &str, phase: Phase, token: u64, mode: Mode) -> Call {
    Call {
        step: format!("{workload}.move.{phase}.daejeon"),
        workload: workload.into(),
        phase,
        token,
        mode,
        ..call()
    }
}

/// More than any test here causes; one more fails it.
const REPORTS: usize = 256;

type Told = mpsc::Sender<(String, HookOutcome)>;

/// The API's place for progress: takes what the contract allows and passes it on.
async fn progress_server() -> (String, mpsc::Receiver<(String, HookOutcome)>) {
    let (tell, told) = mpsc::channel(REPORTS);
    let path = "/api/v1/incidents/{incident}/steps/{step}/progress";
    let address = serve(Router::new().route(path, post(take_progress)).with_state(tell)).await;
    (format!("http://{address}"), told)
}

async fn take_progress(
    State(tell): State<Told>,
    Parts((incident, step)): Parts<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
    match progress::accept(&[3; 32], (Mode::Live, &incident, &step), bearer, &body) {
        Ok(outcome) => {
            tell.try_send((step, outcome)).unwrap();
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::UNAUTHORIZED,
    }
}

/// Waits for how a step ended, past reports that it is under way.
async fn end_of(told: &mut mpsc::Receiver<(String, HookOutcome)>) -> (String, HookOutcome) {
    loop {
        let (step, outcome) = timeout(SOON, told.recv()).await.unwrap().unwrap();
        if !matches!(outcome, HookOutcome::Running { .. }) {
            return (step, outcome);
        }
    }
}

#[tokio::test]
async fn the_same_key_many_times_at_once_has_one_effect() {
    let folder = Folder::new();
    let receiver = Receiver::start(&folder, "0").await;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (hook, envelope) = (receiver.hook(vec![5; 32]), event(&call(), "http://127.0.0.1:1"));
            tokio::spawn(async move { hook.attempt(&envelope).await.outcome })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), HookOutcome::Done);
    }
    assert_eq!(folder.effects(), ["pangyo-b3-1.db.move.evacuate.daejeon"]);
}

#[tokio::test]
async fn a_lower_token_is_refused_and_an_ended_step_is_answered_as_it_ended() {
    let folder = Folder::new();
    let receiver = Receiver::start(&folder, "0").await;
    let evacuate = step("db", Phase::Evacuate, 7, Mode::Live);
    assert_eq!(receiver.answer(&evacuate).await, HookOutcome::Done);
    let lower = step("db", Phase::Restore, 6, Mode::Live);
    assert_eq!(receiver.answer(&lower).await, HookOutcome::TokenRefused);
    let huge = step("db", Phase::Restore, u64::MAX, Mode::Live);
    assert_eq!(receiver.answer(&huge).await, HookOutcome::Done);
    assert_eq!(
        receiver
            .answer(&step("db", Phase::Prepare, u64::MAX - 1, Mode::Live))
            .await,
        HookOutcome::TokenRefused
    );
    assert_eq!(receiver.answer(&evacuate).await, HookOutcome::Done);
    assert_eq!(
        receiver.answer(&step("web", Phase::Evacuate, 1, Mode::Live)).await,
        HookOutcome::Done
    );
    assert_eq!(folder.effects().len(), 3);
}

#[tokio::test]
async fn a_drill_changes_nothing_and_does_not_stand_in_the_way() {
    let folder = Folder::new();
    let receiver = Receiver::start(&folder, "0").await;
    let (drill, live) = (Mode::Drill, Mode::Live);
    let no = |outcome| matches!(outcome, HookOutcome::Cannot { .. });
    assert!(
        no(receiver.answer(&step("db", Phase::Verify, 9, drill)).await),
        "verified before it was evacuated"
    );
    for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify] {
        assert_eq!(
            receiver.answer(&step("db", phase, 10, drill)).await,
            HookOutcome::Done,
            "{phase}"
        );
    }
    assert_eq!(folder.effects(), Vec::<String>::new());
    assert!(
        no(receiver.answer(&step("db", Phase::Verify, 3, live)).await),
        "verified by a drill"
    );
    for phase in [Phase::Prepare, Phase::Evacuate, Phase::Verify] {
        assert_eq!(
            receiver.answer(&step("db", phase, 4, live)).await,
            HookOutcome::Done,
            "{phase}"
        );
    }
    assert_eq!(folder.effects().len(), 2);
}

#[tokio::test]
async fn what_is_not_authentic_is_refused() {
    let folder = Folder::new();
    let receiver = Receiver::start(&folder, "0").await;
    let wrong = receiver
        .hook(vec![6; 32])
        .attempt(&event(&call(), "http://127.0.0.1:1"))
        .await
        .outcome;
    assert!(matches!(wrong, HookOutcome::Retry { cause } if cause.contains("401")));
    let Envelope { id, body } = event(&call(), "http://127.0.0.1:1");
    for late_s in [320, 100_000, -320] {
        assert_eq!(receiver.post(&id, &body, late_s).await, 401, "{late_s}");
    }
    assert_eq!(receiver.post("another.key", &body, 0).await, 400);
    assert_eq!(folder.effects(), Vec::<String>::new());
    assert_eq!(receiver.post(&id, &body, 240).await, 200);
}

#[tokio::test]
async fn garbage_that_is_signed_is_refused() {
    let folder = Folder::new();
    let receiver = Receiver::start(&folder, "0").await;
    let deep = "[".repeat(60_000);
    let Envelope { id, body } = event(&call(), "http://127.0.0.1:1");
    let text = String::from_utf8(body).unwrap();
    for wrong in [
        "",
        "null",
        "[]",
        "{}",
        "\u{0}",
        &deep,
        &text[..text.len() / 2],
        &text.replace("\"live\"", "\"LIVE\""),
        &text.replace("\"token\":7", "\"token\":7.5"),
        &text.replace("\"token\":7", "\"token\":-7"),
        &text.replace("\"token\":7", "\"token\":true"),
        &text.replace("\"token\":7", "\"token\":18446744073709551616"),
        &text.replace("\"workload\":\"db\"", "\"workload\":[\"db\"]"),
    ] {
        assert_eq!(
            receiver.post(&id, wrong.as_bytes(), 0).await,
            400,
            "{}",
            &wrong[..wrong.len().min(80)]
        );
    }
    assert_eq!(receiver.post(&id, &[b' '; 65_537], 0).await, 413);
    assert_eq!(folder.effects(), Vec::<String>::new());
    assert_eq!(receiver.answer(&call()).await, HookOutcome::Done);
}

#[tokio::test]
async fn slow_work_is_accepted_and_its_end_is_heard_both_ways() {
    let folder = Folder::new();
    let receiver = Receiver::start(&folder, "0.2").await;
    let (base, mut told) = progress_server().await;
    let limits = Limits {
        questions: u32::MAX,
        ..SMALL
    };
    let mut bench = Bench::new(receiver.url.clone(), limits, &base);
    bench.runner.fire(call());
    assert_eq!(bench.next().await, HookOutcome::Accepted);
    assert_eq!(end_of(&mut told).await, (call().step, HookOutcome::Done));
    let asked = timeout(SOON, async {
        loop {
            match bench.next().await {
                HookOutcome::Running { .. } => {}
                end => return end,
            }
        }
    });
    assert_eq!(asked.await.unwrap(), HookOutcome::Done);
    assert_eq!(folder.effects().len(), 1);
}

#[tokio::test]
async fn a_kill_in_the_middle_loses_no_step_and_doubles_none() {
    let folder = Folder::new();
    let (base, mut told) = progress_server().await;
    let receiver = Receiver::start(&folder, "3600").await;
    let first = receiver.hook(vec![5; 32]).attempt(&event(&call(), &base)).await;
    assert_eq!(first.outcome, HookOutcome::Accepted);
    receiver.kill().await;
    assert_eq!(folder.effects(), Vec::<String>::new());
    let again = Receiver::start(&folder, "0.05").await;
    let retry = again.hook(vec![5; 32]).attempt(&event(&call(), &base)).await.outcome;
    assert!(matches!(retry, HookOutcome::Accepted | HookOutcome::Done), "{retry:?}");
    assert_eq!(end_of(&mut told).await, (call().step, HookOutcome::Done));
    again.kill().await;
    let third = Receiver::start(&folder, "0.05").await;
    assert_eq!(third.answer(&call()).await, HookOutcome::Done);
    assert_eq!(folder.effects(), ["pangyo-b3-1.db.move.evacuate.daejeon"]);
}

#[tokio::test]
async fn a_step_that_is_overtaken_while_it_works_has_no_effect() {
    let folder = Folder::new();
    let (base, mut told) = progress_server().await;
    let receiver = Receiver::start(&folder, "3600").await;
    let (old, new) = (
        step("db", Phase::Prepare, 7, Mode::Live),
        step("db", Phase::Evacuate, 8, Mode::Live),
    );
    let verify = step("db", Phase::Verify, 9, Mode::Live);
    for call in [&old, &new] {
        let reply = receiver.hook(vec![5; 32]).attempt(&event(call, &base)).await;
        assert_eq!(reply.outcome, HookOutcome::Accepted);
    }
    assert_eq!(
        receiver.answer(&old).await,
        HookOutcome::TokenRefused,
        "a late retry of what was overtaken"
    );
    let HookOutcome::Retry { cause } = receiver.answer(&verify).await else {
        panic!("verified too early")
    };
    assert!(cause.contains("503"), "{cause}");
    receiver.kill().await;
    let again = Receiver::start(&folder, "0.05").await;
    let mut ends = [end_of(&mut told).await, end_of(&mut told).await];
    ends.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(ends[0], (new.step.clone(), HookOutcome::Done));
    assert!(
        matches!(&ends[1], (step, HookOutcome::Cannot { note }) if *step == old.step && note.contains("overtaken"))
    );
    assert_eq!(again.answer(&verify).await, HookOutcome::Done);
    assert_eq!(folder.effects(), ["pangyo-b3-1.db.move.evacuate.daejeon"]);
}
