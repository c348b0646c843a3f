//! The picture as it is now, drawn once for everybody who looks.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use muster_core::View;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{line, past};
use crate::api::serve::Room;
use crate::api::{page, status};

/// Drawn at least so often, changed or not: a listener that hears nothing for longer knows that it is cut off.
const BEAT: Duration = Duration::from_secs(1);
/// Drawn at most so often, however much happens.
const AT_MOST_EVERY: Duration = Duration::from_millis(250);

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The document of `/api/v1/status`.
    Status,
    /// The page's moving part.
    Page,
}

/// The last frames. A listener that is slow misses some and sees the newest.
#[derive(Debug)]
pub(crate) struct Frames {
    status: watch::Sender<Bytes>,
    page: watch::Sender<Bytes>,
}

impl Default for Frames {
    fn default() -> Self {
        let nothing = || watch::Sender::new(Bytes::new());
        Self {
            status: nothing(),
            page: nothing(),
        }
    }
}

impl Frames {
    /// Changes with every frame. What it holds at first may be old: begin with [`fresh`].
    pub(super) fn following(&self, kind: Kind) -> watch::Receiver<Bytes> {
        self.of(kind).subscribe()
    }

    fn watched(&self) -> bool {
        self.status.receiver_count() + self.page.receiver_count() > 0
    }

    /// Somebody looks at the page.
    pub(crate) fn page_is_open(&self) -> bool {
        self.page.receiver_count() > 0
    }

    fn of(&self, kind: Kind) -> &watch::Sender<Bytes> {
        match kind {
            Kind::Status => &self.status,
            Kind::Page => &self.page,
        }
    }
}

/// Draws for as long as it is polled, whenever something has changed and somebody looks.
pub(crate) async fn draw(room: Arc<Room>) {
    let mut view = room.state.view.clone();
    let mut shown = view.borrow_and_update().clone();
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut gone = false;
    recall(&room).await;
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            changed = view.changed(), if !gone => {
                // The last view stays; its age says that nobody decides any more.
                gone = changed.is_err();
                let now = view.borrow_and_update().clone();
                if !room.frames.watched() || same(&shown, &now) {
                    continue;
                }
            }
        }
        shown = view.borrow_and_update().clone();
        for kind in [Kind::Status, Kind::Page] {
            if room.frames.of(kind).receiver_count() > 0 {
                room.frames.of(kind).send_replace(fresh(&room, kind));
            }
        }
        sleep(AT_MOST_EVERY).await;
    }
}

/// A page that was empty after every restart would hide what led to it.
async fn recall(room: &Room) {
    let state = &room.state;
    let most = u32::try_from(page::SHOWN).unwrap_or(u32::MAX);
    let stored = past::newest(state, &room.desk, state.news.began().saturating_add(1), most).await;
    let lines = stored.iter().map(|stored| line::of_stored(stored, &state.clock));
    // Set once, here.
    let _ = room.older.set(lines.collect());
}

/// A view is published whether anything has changed or not.
fn same(before: &View, after: &Arc<View>) -> bool {
    let mut then = View::clone(after);
    then.now = before.now;
    then == *before
}

/// Drawn now, ready to be sent.
pub(crate) fn fresh(room: &Room, kind: Kind) -> Bytes {
    let view = room.state.view.borrow().clone();
    let (name, data) = match kind {
        // A view is plain data; it can be written down.
        Kind::Status => (
            "status",
            status::document(&view, room).map_or_else(|_| String::from("null"), |d| d.to_string()),
        ),
        Kind::Page => ("page", page::moving(room, &view)),
    };
    // A line break would end the field.
    Bytes::from(format!("event: {name}\ndata: {}\n\n", data.replace(['\n', '\r'], " ")))
}
