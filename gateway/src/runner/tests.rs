use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header::LOCATION};
use axum::routing::{get, post};
use muster_core::{HookIx, Input, Mode};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::*;
use crate::config::HookWay;
use crate::hooks::testing::{SMALL, SOON, Then, call, raw, serve, target};
use crate::lanes::{Control, LaneEnds, lanes};

pub(super) fn hook(way: HookWay) -> HookTarget {
    HookTarget {
        id: "orchestrator".into(),
        way,
        works: BTreeMap::new(),
    }
}

pub(super) struct Bench {
    pub(super) runner: Runner,
    pub(super) counters: Counters,
    ends: LaneEnds,
}

impl Bench {
    pub(super) fn new(url: String, limits: Limits, progress_base_url: &str) -> Self {
        let (lanes, ends) = lanes();
        let counters = Counters::default();
        let ctx = RunnerContext {
            clock: Clock::starting_at(0),
            counters: counters.clone(),
            lanes,
            progress_base_url: progress_base_url.into(),
            progress_key: [3; 32],
        };
        let runner = Runner::with_limits(vec![hook(HookWay::Webhook(target(url)))], ctx, limits).unwrap();
        Self { runner, counters, ends }
    }

    async fn at(routes: Router) -> Self {
        Self::new(
            format!("http://{}/hook", serve(routes).await),
            SMALL,
            "http://127.0.0.1:1",
        )
    }

    /// The next outcome; it must be of the one step that these tests call.
    pub(super) async fn next(&mut self) -> HookOutcome {
        let Control::Input(Input::Hook {
            incident,
            step,
            outcome,
            mode: Mode::Live,
        }) = timeout(SOON, self.ends.control.recv()).await.unwrap().unwrap()
        else {
            panic!("something else in the control lane")
        };
        assert_eq!((incident, step), (call().incident, call().step));
        outcome
    }

    async fn fire(&mut self) -> HookOutcome {
        self.runner.fire(call());
        self.next().await
    }

    async fn until_idle(&self) {
        timeout(SOON, async {
            while self.runner.flights.len() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn one_call_is_one_attempt_and_one_outcome() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let refuse = move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let mut bench = Bench::at(Router::new().route("/hook", post(refuse))).await;
    for n in 1..=5 {
        assert!(matches!(bench.fire().await, HookOutcome::Retry { .. }));
        bench.until_idle().await;
        assert_eq!(
            (calls.load(Ordering::SeqCst), bench.counters.get(Cause::HookStatus)),
            (n, n as u64)
        );
    }
    assert!(
        bench.ends.control.try_recv().is_err(),
        "the runner never tries again by itself"
    );
}

#[tokio::test]
async fn connections_are_kept_alive() {
    let peers = Arc::new(Mutex::new(std::collections::BTreeSet::new()));
    let seen = Arc::clone(&peers);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let keep = move |axum::extract::ConnectInfo(peer): axum::extract::ConnectInfo<std::net::SocketAddr>| async move {
        seen.lock().unwrap().insert(peer);
    };
    let service = Router::new()
        .route("/hook", post(keep))
        .into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let mut bench = Bench::new(url, SMALL, "http://127.0.0.1:1");
    for _ in 0..20 {
        assert_eq!(bench.fire().await, HookOutcome::Done);
        bench.until_idle().await;
    }
    assert_eq!(peers.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn accepted_twice_is_told_twice_and_followed_once() {
    let asked = Arc::new(Notify::new());
    let tell = Arc::clone(&asked);
    let questions = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&questions);
    let status = move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        tell.notify_one();
        r#"{"state":"running","percent":1}"#
    };
    let accept = || async { (StatusCode::ACCEPTED, [(LOCATION, "/status")]) };
    let mut bench = Bench::at(Router::new().route("/hook", post(accept)).route("/status", get(status))).await;
    assert_eq!(bench.fire().await, HookOutcome::Accepted);
    assert_eq!(bench.fire().await, HookOutcome::Accepted);
    timeout(SOON, asked.notified()).await.unwrap();
    assert_eq!(bench.runner.flights.len(), 1);
    assert_eq!(bench.next().await, HookOutcome::Running { percent: Some(1) });
    assert!(
        matches!(bench.next().await, HookOutcome::Retry { .. }),
        "questions are bounded"
    );
    assert_eq!(bench.counters.get(Cause::Fault), 0);
    bench.until_idle().await;
    assert!(questions.load(Ordering::SeqCst) <= 2 * SMALL.questions as usize);
}

#[tokio::test]
async fn a_location_is_asked_until_done_and_changes_are_told_once() {
    let answers = Arc::new(Mutex::new(
        [
            r#"{"state":"running","percent":10}"#,
            r#"{"state":"running","percent":10}"#,
            "nonsense",
            "nonsense",
            r#"{"state":"running","percent":80}"#,
            r#"{"state":"done"}"#,
        ]
        .into_iter(),
    ));
    let signed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&signed);
    let status = move |headers: HeaderMap| async move {
        count.fetch_add(usize::from(headers.contains_key("webhook-signature")), Ordering::SeqCst);
        answers.lock().unwrap().next().unwrap()
    };
    let accept = || async { (StatusCode::ACCEPTED, [(LOCATION, "/status")]) };
    let mut bench = Bench::at(Router::new().route("/hook", post(accept)).route("/status", get(status))).await;
    assert_eq!(bench.fire().await, HookOutcome::Accepted);
    assert_eq!(bench.next().await, HookOutcome::Running { percent: Some(10) });
    assert_eq!(bench.next().await, HookOutcome::Running { percent: Some(80) });
    assert_eq!(bench.next().await, HookOutcome::Done);
    bench.until_idle().await;
    assert_eq!(
        (signed.load(Ordering::SeqCst), bench.counters.get(Cause::HookBody)),
        (6, 2)
    );
}

#[tokio::test]
async fn a_location_that_fails_too_often_makes_the_core_call_again() {
    let accept = || async { (StatusCode::ACCEPTED, [(LOCATION, "/gone")]) };
    let mut bench = Bench::at(Router::new().route("/hook", post(accept))).await;
    assert_eq!(bench.fire().await, HookOutcome::Accepted);
    let HookOutcome::Retry { cause } = bench.next().await else {
        panic!("no retry")
    };
    assert!(cause.contains("404"), "{cause}");
    assert_eq!(bench.counters.get(Cause::HookStatus), u64::from(SMALL.failed_questions));
}

#[tokio::test]
async fn cancel_stops_the_questions() {
    let (tell, mut asked) = mpsc::channel(1);
    let status = move || async move {
        // That it was asked is enough, however often.
        let _ = tell.try_send(());
        r#"{"state":"running"}"#
    };
    let accept = || async { (StatusCode::ACCEPTED, [(LOCATION, "/status")]) };
    let routes = Router::new().route("/hook", post(accept)).route("/status", get(status));
    let limits = Limits {
        questions: u32::MAX,
        ..SMALL
    };
    let mut bench = Bench::new(
        format!("http://{}/hook", serve(routes).await),
        limits,
        "http://127.0.0.1:1",
    );
    assert_eq!(bench.fire().await, HookOutcome::Accepted);
    assert_eq!(bench.next().await, HookOutcome::Running { percent: None });
    bench.runner.cancel("pangyo-b3-1", "another.stop.evacuate");
    assert_eq!(bench.runner.flights.len(), 1);
    bench.runner.cancel(&call().incident, &call().step);
    bench.until_idle().await;
    while asked.try_recv().is_ok() {}
    assert!(
        timeout(SMALL.ask_every * 20, asked.recv()).await.is_err(),
        "asked after cancel"
    );
    assert!(bench.ends.control.try_recv().is_err());
}

#[tokio::test]
async fn cancel_stops_an_attempt_that_hangs() {
    let address = raw(b"", Then::Hang).await;
    let limits = Limits {
        attempt: SOON * 10,
        ..SMALL
    };
    let mut bench = Bench::new(format!("http://{address}/hook"), limits, "http://127.0.0.1:1");
    bench.runner.fire(call());
    assert_eq!(bench.runner.flights.len(), 1);
    bench.runner.cancel(&call().incident, &call().step);
    bench.until_idle().await;
    assert!(
        bench.ends.control.try_recv().is_err(),
        "a cancelled attempt has no outcome"
    );
    for _ in 0..3 {
        bench.runner.fire(call());
    }
    assert_eq!(bench.runner.flights.len(), 1, "one attempt a step");
    drop(bench.runner);
    let closed = async { while bench.ends.control.recv().await.is_some() {} };
    timeout(SOON, closed).await.unwrap();
}

#[tokio::test]
async fn a_hook_that_hangs_holds_back_no_other_step() {
    let address = raw(b"", Then::Hang).await;
    let done = serve(Router::new().route("/hook", post(|| async {}))).await;
    let (lanes, mut ends) = lanes();
    let ctx = RunnerContext {
        clock: Clock::starting_at(0),
        counters: Counters::default(),
        lanes,
        progress_base_url: "http://127.0.0.1:1".into(),
        progress_key: [3; 32],
    };
    let urls = [format!("http://{address}/"), format!("http://{done}/hook")];
    let hooks = urls.map(|url| hook(HookWay::Webhook(target(url)))).to_vec();
    let runner = Runner::with_limits(
        hooks,
        ctx,
        Limits {
            attempt: SOON * 10,
            ..SMALL
        },
    )
    .unwrap();
    for n in 0..200 {
        runner.fire(Call {
            step: format!("w{n}.stop.evacuate"),
            ..call()
        });
    }
    runner.fire(Call {
        hook: HookIx(1),
        ..call()
    });
    let first = timeout(SOON, ends.control.recv()).await.unwrap().unwrap();
    assert!(
        matches!(first, Control::Input(Input::Hook { step, outcome: HookOutcome::Done, .. }) if step == call().step)
    );
}

#[tokio::test]
async fn a_call_of_no_hook_is_a_fault_and_the_next_rung() {
    let mut bench = Bench::at(Router::new()).await;
    bench.runner.fire(Call {
        hook: HookIx(9),
        ..call()
    });
    assert!(matches!(bench.next().await, HookOutcome::Cannot { .. }));
    assert_eq!(bench.counters.get(Cause::Fault), 1);
}

#[tokio::test]
async fn too_many_steps_under_way_are_a_fault_and_a_retry() {
    let address = raw(b"", Then::Hang).await;
    let limits = Limits {
        attempt: SOON * 10,
        ..SMALL
    };
    let mut bench = Bench::new(format!("http://{address}/hook"), limits, "http://127.0.0.1:1");
    let handle = Handle::current();
    for n in 0..flights::MAX {
        bench
            .runner
            .flights
            .begin(&handle, ("i".into(), n.to_string()), std::future::pending())
            .unwrap();
    }
    assert!(matches!(bench.fire().await, HookOutcome::Retry { .. }));
    assert_eq!(bench.counters.get(Cause::Fault), 1);
}

/// The engine hung for ever when it called a hook while its runtime was shutting down: the task was dropped where it was spawned,
/// and waited for the lock that its spawner held.
#[test]
fn a_step_that_begins_while_the_runtime_shuts_down_holds_nothing_up() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let (ended, end) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let flights = std::sync::Arc::<flights::Flights>::default();
        for n in ["1", "1", "2"] {
            flights
                .begin(&handle, ("i".into(), n.into()), std::future::pending())
                .unwrap();
        }
        flights.end_all();
        ended.send(()).unwrap();
    });
    assert_eq!(end.recv_timeout(SOON * 10), Ok(()));
}

#[tokio::test]
async fn a_bad_address_is_found_at_the_start() {
    let (lanes, _ends) = lanes();
    let ctx = |base: &str| RunnerContext {
        clock: Clock::starting_at(0),
        counters: Counters::default(),
        lanes: lanes.clone(),
        progress_base_url: base.into(),
        progress_key: [3; 32],
    };
    let bad = Runner::spawn(
        vec![hook(HookWay::Webhook(target("ftp://a/".into())))],
        ctx("http://a/"),
    );
    assert!(matches!(bad, Err(RunnerError::Hook { hook, .. }) if hook == "orchestrator"));
    assert!(matches!(
        Runner::spawn(vec![], ctx("nonsense")),
        Err(RunnerError::Progress(_))
    ));
}
