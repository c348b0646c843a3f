//! Connections within their limits: how many, how long, and who has to go when all are in use.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::counters::{Cause, Counters};

/// Connections at a time.
const CONNECTIONS_MAX: usize = 256;
/// For the head of a request, and for the next one on a kept connection.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// Then a connection is closed, so that a peer that reads nothing cannot keep it.
const CONNECTION_LIFE: Duration = Duration::from_secs(120);
/// For a request under way when its connection is closed or the gateway stops.
const GRACE: Duration = Duration::from_secs(2);
/// Bytes of a request's head.
const HEAD_MAX: usize = 16 * 1024;
/// Fields of a request's head.
const FIELDS_MAX: usize = 64;

/// Takes connections until `shutdown` resolves.
pub(crate) async fn accept_until(
    listener: TcpListener,
    router: Router,
    counters: Counters,
    shutdown: impl Future<Output = ()> + Send,
) {
    let mut connections = Connections::new(router, counters);
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => connections.take(stream, peer),
                Err(error) => {
                    // Mostly no file descriptors left: they come back, and a tight loop would only burn the core.
                    connections.counters.count(Cause::HttpLimit, "http", &error);
                    sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.tasks.join_next() => {}
        }
    }
    drop(listener);
    connections.finish().await;
}

/// The open connections, oldest first.
struct Connections {
    router: Router,
    counters: Counters,
    tasks: JoinSet<()>,
    open: VecDeque<Open>,
    stop: watch::Sender<bool>,
}

struct Open {
    task: AbortHandle,
    requests: Arc<AtomicUsize>,
}

impl Connections {
    fn new(router: Router, counters: Counters) -> Self {
        Self {
            router,
            counters,
            tasks: JoinSet::new(),
            open: VecDeque::new(),
            stop: watch::Sender::new(false),
        }
    }

    /// When full, the oldest connection without a request under way makes room: connections that only hold a place
    /// must not keep an order out. With every one at work the new one is closed; each ends within its deadlines.
    fn take(&mut self, stream: TcpStream, peer: SocketAddr) {
        self.open.retain(|open| !open.task.is_finished());
        if self.open.len() >= CONNECTIONS_MAX {
            self.counters.count(
                Cause::HttpLimit,
                "http",
                &"all connections in use, the oldest idle one closed",
            );
            let idle = self
                .open
                .iter()
                .position(|open| open.requests.load(Ordering::Relaxed) == 0);
            match idle.and_then(|at| self.open.remove(at)) {
                Some(oldest) => oldest.task.abort(),
                None => return,
            }
        }
        let requests = Arc::new(AtomicUsize::new(0));
        let connection = converse(
            stream,
            self.router.clone(),
            self.counters.clone(),
            (requests.clone(), Arc::new(Wire::new(peer))),
            self.stop.subscribe(),
        );
        let task = self.tasks.spawn(connection);
        self.open.push_back(Open { task, requests });
    }

    async fn finish(mut self) {
        self.stop.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(GRACE, all).await.is_err() {
            self.tasks.abort_all();
        }
    }
}

/// One connection from its first byte to its last.
async fn converse(
    stream: TcpStream,
    router: Router,
    counters: Counters,
    (requests, wire): (Arc<AtomicUsize>, Arc<Wire>),
    mut stop: watch::Receiver<bool>,
) {
    let inner = TowerToHyperService::new(router);
    let this = wire.clone();
    let service = hyper::service::service_fn(move |mut request: hyper::Request<_>| {
        request.extensions_mut().insert(this.clone());
        let under_way = UnderWay::begin(&requests);
        let answer = hyper::service::Service::call(&inner, request);
        async move {
            let answer = answer.await;
            drop(under_way);
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(HEAD_MAX)
        .max_headers(FIELDS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = wire.cut.notified() => Ok(()),
        () = leave(&mut stop, &wire) => {
            connection.as_mut().graceful_shutdown();
            timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended
        && error.is_parse()
    {
        counters.count(Cause::HttpRefused, "http", &error);
    }
}

/// When a connection has to end. A stream has deadlines of its own.
async fn leave(stop: &mut watch::Receiver<bool>, wire: &Wire) {
    let lived = async {
        sleep(CONNECTION_LIFE).await;
        while wire.streams.load(Ordering::Relaxed) > 0 {
            sleep(CONNECTION_LIFE).await;
        }
    };
    tokio::select! {
        () = lived => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// A connection, as its requests see it.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) peer: SocketAddr,
    streams: AtomicUsize,
    cut: Notify,
}

impl Wire {
    fn new(peer: SocketAddr) -> Self {
        Self {
            peer,
            streams: AtomicUsize::new(0),
            cut: Notify::new(),
        }
    }

    /// Who is at the other end, for the log.
    pub(crate) fn peer(&self) -> String {
        self.peer.to_string()
    }

    /// Ends the connection at once, whatever is still on its way.
    pub(crate) fn cut(&self) {
        self.cut.notify_one();
    }
}

/// A stream on a connection, which lasts as long as it does. To make room for others it may be closed all the same: a
/// listener comes back, an order does not.
pub(crate) struct Streaming(Arc<Wire>);

impl Streaming {
    pub(crate) fn begin(wire: &Arc<Wire>) -> Self {
        wire.streams.fetch_add(1, Ordering::Relaxed);
        Self(wire.clone())
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request under way; its connection is not closed to make room.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn begin(requests: &Arc<AtomicUsize>) -> Self {
        requests.fetch_add(1, Ordering::Relaxed);
        Self(requests.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
