//! A server on a free port, with a made-up engine behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use muster_core::{Answer, Verb, Verdict, View};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::api::{ApiState, Gauges, News, People, serve};
use crate::clock::Clock;
use crate::counters::{Cause, Counters};
use crate::journal::Journal;
use crate::lanes::{Control, LaneEnds, Lanes, lanes};
use crate::sources::polls::Polls;
use crate::told::{self, Telling};

pub(crate) const TOKENS: [&str; 2] = ["token-of-ann", "token-of-ben"];
pub(crate) const PROGRESS_KEY: [u8; 32] = [7; 32];
/// For any fact that has to come true.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct Stand {
    pub(crate) address: SocketAddr,
    pub(crate) view: watch::Sender<Arc<View>>,
    pub(crate) clock: Clock,
    pub(crate) counters: Counters,
    pub(crate) ends: LaneEnds,
    pub(crate) lanes: Lanes,
    pub(crate) polls: Polls,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) server: tokio::task::JoinHandle<()>,
    pub(crate) telling: Telling,
    pub(crate) folder: tempfile::TempDir,
}

impl Stand {
    /// `story` makes the view of the clock's now.
    pub(crate) async fn with(story: fn(i64) -> View) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (lanes, ends) = lanes();
        let (clock, counters) = (Clock::starting_at(1_000_000_000), Counters::default());
        let (view, watched) = watch::channel(Arc::new(story(clock.now())));
        let people = People::default();
        let hashes = TOKENS.iter().map(|t| Sha256::digest(t.as_bytes()).into()).collect();
        people.put(["ann", "ben"].into_iter(), hashes);
        let (telling, folder) = (told::telling(), tempfile::tempdir().unwrap());
        let journal_path = folder.path().join("muster.db");
        drop(Journal::open(&journal_path).unwrap());
        let polls = Polls::default();
        let state = ApiState {
            news: News::listen(&telling, 2_000),
            view: watched,
            lanes: lanes.clone(),
            clock: clock.clone(),
            counters: counters.clone(),
            polls: polls.clone(),
            people,
            journal_path,
            progress_key: PROGRESS_KEY,
            gauges: Arc::new(Gauges::default()),
            public_url: None,
            insecure: Vec::new(),
            readiness: watch::channel(None).1,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, state, async move {
            let _ = stopped.await;
        }));
        Self {
            address,
            view,
            clock,
            counters,
            ends,
            lanes,
            polls,
            stop: Some(stop),
            server,
            telling,
            folder,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        client().get(self.url(path)).send().await.unwrap()
    }

    pub(crate) async fn order(&self, token: &str, body: &str) -> reqwest::Response {
        let request = client().post(self.url("/api/v1/orders")).bearer_auth(token);
        let request = request.header("content-type", "application/json");
        request.body(body.to_owned()).send().await.unwrap()
    }

    pub(crate) fn count(&self, cause: Cause) -> u64 {
        self.counters.get(cause)
    }

    /// An engine that gives every order this verdict. Returns what it was asked.
    pub(crate) async fn answer_one(ends: &mut LaneEnds, verdict: Verdict) -> (String, Verb) {
        let taken = tokio::time::timeout(SOON, ends.control.recv()).await.unwrap().unwrap();
        let Control::Order { by, verb, answer } = taken else {
            return (String::new(), Verb::Hold);
        };
        let why = format!("{} {verdict}", verb.as_str());
        answer.send(Answer { nonce: 1, verdict, why }).unwrap();
        (by.to_string(), verb)
    }
}

pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .no_proxy()
        .timeout(SOON)
        .pool_max_idle_per_host(0);
    builder.build().unwrap()
}
