//! One listener: what it missed, then what happens, for as long as it reads.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{interval, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

use super::frames::{Kind, fresh};
use super::line;
use super::news::After;
use super::past::{self, Piece};
use crate::api::connections::{Streaming, Wire};
use crate::api::problem::Problem;
use crate::api::serve::Room;
use crate::counters::Cause;

/// Streams at a time, of the 256 connections.
const STREAMS_MAX: usize = 64;
/// Pieces on their way to a listener; what does not fit waits where it is kept.
const AHEAD: usize = 16;
/// A listener that takes nothing for so long is closed. It comes back with the id of what it has.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// Something is sent at least so often, so that nobody between here and there takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A stream ends after this, in order: a listener that has vanished without a word must not keep its place.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// When a listener comes back after a stream has ended. Milliseconds.
const RETRY_MS: u32 = 1_000;
/// Events taken from memory in one go.
const BATCH: usize = 256;

/// How many may listen.
#[derive(Debug)]
pub(crate) struct Limits {
    places: Arc<Semaphore>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }
}

impl Limits {
    fn place(&self, room: &Room, wire: &Wire) -> Result<OwnedSemaphorePermit, Problem> {
        self.places.clone().try_acquire_owned().map_err(|_| {
            let what = format!("all {STREAMS_MAX} streams are in use");
            room.state.counters.count(Cause::StreamLimit, &wire.peer(), &what);
            Problem::engine_silent(format!("{what}; ask /api/v1/status instead, or try again"))
        })
    }
}

/// Why a stream ends.
enum End {
    /// The listener has gone, or its time is over.
    Over,
    /// It does not read.
    Slow,
}

/// The sending side of one stream.
struct Line {
    room: Arc<Room>,
    out: mpsc::Sender<Result<Bytes, Infallible>>,
}

/// Events after `from` (none: from now on), and the status if it is wanted.
pub(crate) fn follow_events(
    room: &Arc<Room>,
    wire: &Arc<Wire>,
    from: Option<i64>,
    status: bool,
) -> Result<Response, Problem> {
    let at = from.unwrap_or_else(|| room.state.news.last());
    open(room, wire, move |line| async move { line.events(at, status).await })
}

/// The page's moving part.
pub(crate) fn follow_page(room: &Arc<Room>, wire: &Arc<Wire>) -> Result<Response, Problem> {
    open(room, wire, |line| async move { line.page().await })
}

fn open<F: Future<Output = Result<Infallible, End>> + Send + 'static>(
    room: &Arc<Room>,
    wire: &Arc<Wire>,
    tell: impl FnOnce(Line) -> F + Send + 'static,
) -> Result<Response, Problem> {
    let place = room.limits.place(room, wire)?;
    let (out, taken) = mpsc::channel(AHEAD);
    let (room, wire) = (room.clone(), wire.clone());
    let streaming = Streaming::begin(&wire);
    tokio::spawn(async move {
        let line = Line {
            room: room.clone(),
            out,
        };
        let mut stop = room.stop.subscribe();
        let end = tokio::select! {
            Err(end) = tell(line) => end,
            _ = stop.wait_for(|stop| *stop) => End::Over,
            () = sleep(LIFE) => End::Over,
        };
        if matches!(end, End::Slow) {
            let what = format!(
                "a listener took nothing for {} s and was closed",
                WRITE_DEADLINE.as_secs()
            );
            room.state.counters.count(Cause::StreamSlow, &wire.peer(), &what);
            wire.cut();
        }
        drop((streaming, place));
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        // Proxies that gather answers would hold back what is live.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(taken))).into_response())
}

impl Line {
    async fn send(&self, bytes: impl Into<Bytes>) -> Result<(), End> {
        match timeout(WRITE_DEADLINE, self.out.send(Ok(bytes.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Over),
            Err(_) => Err(End::Slow),
        }
    }

    async fn events(self, mut at: i64, status: bool) -> Result<Infallible, End> {
        // The id alone, without data: who loses the connection before the first event knows where it was.
        self.send(format!("retry: {RETRY_MS}\nid: {at}\n\n")).await?;
        let mut frames = status.then(|| self.room.frames.following(Kind::Status));
        if status {
            self.send(fresh(&self.room, Kind::Status)).await?;
        }
        let (mut growing, mut beat) = (self.room.state.news.growing(), interval(KEEP_ALIVE));
        loop {
            growing.mark_unchanged();
            if self.catch_up(&mut at).await? {
                continue;
            }
            let next = tokio::select! {
                () = self.out.closed() => return Err(End::Over),
                changed = growing.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Err(End::Over),
                },
                frame = next_frame(&mut frames) => frame,
                _ = beat.tick() => Bytes::from_static(b":\n\n"),
            };
            self.send(next).await?;
        }
    }

    /// Sends a piece of what has been told after `at`; whether there may be more.
    async fn catch_up(&self, at: &mut i64) -> Result<bool, End> {
        match self.room.state.news.after(*at, BATCH) {
            After::Here(events) => {
                for told in &events {
                    self.send(event(told.id, &line::of_told(told))).await?;
                    *at = told.id;
                }
                Ok(!events.is_empty())
            }
            After::OnDisk { through } => {
                let pieces = past::slice(&self.room.state, &self.room.desk, *at, through).await;
                // Nothing is left on disk, and nothing is missing.
                if pieces.is_empty() {
                    *at = through;
                }
                for piece in pieces {
                    self.send_piece(piece, at).await?;
                }
                Ok(true)
            }
            After::Beyond { last } => {
                let why = format!(
                    "id {at} is beyond {last}, our last: the journal was set aside, or the id is another gateway's; \
                     all that ours holds follows"
                );
                self.send(gap(*at, None, &why, 0)).await?;
                *at = 0;
                Ok(true)
            }
        }
    }

    async fn send_piece(&self, piece: Piece, at: &mut i64) -> Result<(), End> {
        match piece {
            Piece::Event(stored) => {
                self.send(event(stored.id, &line::of_stored(&stored, &self.room.state.clock)))
                    .await?;
                *at = stored.id;
            }
            Piece::Hole { after, next, why } => {
                self.send(gap(after, Some(next - after - 1), &why, next - 1)).await?;
                *at = next - 1;
            }
        }
        Ok(())
    }

    async fn page(self) -> Result<Infallible, End> {
        let mut frames = Some(self.room.frames.following(Kind::Page));
        self.send(format!("retry: {RETRY_MS}\n\n")).await?;
        let mut next = fresh(&self.room, Kind::Page);
        loop {
            self.send(next).await?;
            next = tokio::select! {
                () = self.out.closed() => return Err(End::Over),
                frame = next_frame(&mut frames) => frame,
            };
        }
    }
}

/// The next frame; never, where none are wanted.
async fn next_frame(frames: &mut Option<watch::Receiver<Bytes>>) -> Bytes {
    if let Some(frames) = frames
        && frames.changed().await.is_ok()
    {
        return frames.borrow_and_update().clone();
    }
    std::future::pending().await
}

fn event(id: i64, data: &Value) -> String {
    format!("id: {id}\ndata: {data}\n\n")
}

/// `missing` none: nobody knows how many.
fn gap(after: i64, missing: Option<i64>, why: &str, id: i64) -> String {
    let data = json!({ "schema": 1, "after": after, "missing": missing, "why": why });
    format!("event: gap\nid: {id}\ndata: {data}\n\n")
}
