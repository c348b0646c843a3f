//! From the engine's broadcast to the desks. Never waits for the network, so it is not behind; if it is all the same, the
//! journal has what it missed.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use muster_core::View;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::desk::Desk;
use super::kept::Kept;
use super::sort::{Line, Sort};
use super::{Context, missed};
use crate::counters::Cause;
use crate::told::Told;

/// The desks there are, and how far the listener is: a reload changes the first and has to know the second.
#[derive(Debug)]
pub(super) struct Hall {
    pub(super) desks: RwLock<Vec<Arc<Desk>>>,
    /// Id of the last line that was handed out, or was for nobody.
    pub(super) last: AtomicI64,
}

impl Hall {
    pub(super) fn desks(&self) -> Vec<Arc<Desk>> {
        self.desks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Listens until the engine has gone.
pub(super) async fn listen(events: Receiver<Arc<Told>>, hall: Arc<Hall>, kept: Arc<Kept>, context: Context) {
    let listener = Listener { hall, context };
    listener.catch_up(&kept).await;
    listener.live(events).await;
}

struct Listener {
    hall: Arc<Hall>,
    context: Context,
}

impl Listener {
    /// What was said before this start and is not known to be out. A place we know nothing of is told of the open incident
    /// from its beginning; without one it has missed nothing.
    async fn catch_up(&self, kept: &Kept) {
        let (desks, told) = (self.hall.desks(), self.context.told);
        let open = open_incident(&self.context.view.borrow());
        let known = |desk: &Desk| kept.through(&desk.id).map(|id| id.min(told));
        let from = |desk: &Arc<Desk>| known(desk).or(open.as_ref().map(|_| 0)).unwrap_or(told);
        let Some(first) = desks.iter().map(from).min() else {
            return;
        };
        let (journal, counters) = (self.context.journal.clone(), &self.context.counters);
        // What cannot be read now stays untold for the next start; that an incident goes on is told anyway.
        let Some(found) = missed::lines(journal, first, told, counters).await else {
            return;
        };
        let opened = open.and_then(|incident| missed::before_opening(&found.lines, &incident));
        for desk in &desks {
            let after = known(desk).or(opened).unwrap_or(told);
            // Ids rise.
            let untold = &found.lines[found.lines.partition_point(|line| line.id <= after)..];
            if untold.is_empty() {
                kept.told(&desk.id, told, counters).await;
            }
            untold.iter().for_each(|line| self.leave(desk, line));
        }
    }

    async fn live(self, mut events: Receiver<Arc<Told>>) {
        loop {
            match events.recv().await {
                Ok(told) => self.take(&told),
                Err(RecvError::Lagged(_)) => self.fill().await,
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn take(&self, told: &Told) {
        let gap = told.id - self.hall.last.load(Ordering::Relaxed) - 1;
        if gap < 0 {
            return;
        }
        if gap > 0 {
            let what = format!("{gap} lines were said faster than they could be heard here");
            self.context.counters.count(Cause::NotifyMissed, "listener", &what);
            self.hand_out(&as_it_stands(
                &self.context,
                told.id - 1,
                &format!("{gap} lines were not heard here"),
            ));
        }
        self.hall.last.store(told.id, Ordering::Relaxed);
        if let Some(line) = Line::of(told) {
            self.hand_out(&line);
        }
    }

    /// The journal holds what is that far behind.
    async fn fill(&self) {
        let (journal, counters) = (self.context.journal.clone(), &self.context.counters);
        let last = self.hall.last.load(Ordering::Relaxed);
        if let Some(found) = missed::lines(journal, last, i64::MAX, counters).await {
            found.lines.iter().for_each(|line| self.hand_out(line));
            self.hall.last.store(found.through, Ordering::Relaxed);
        }
    }

    fn hand_out(&self, line: &Line) {
        self.hall.desks().iter().for_each(|desk| self.leave(desk, line));
    }

    fn leave(&self, desk: &Desk, line: &Line) {
        if !desk.leave(line) {
            let what = "a line found no room: the place has not been reached for long";
            self.context.counters.count(Cause::NotifyMissed, &desk.id, &what);
        }
    }
}

/// Id of the incident that is open.
pub(super) fn open_incident(view: &View) -> Option<String> {
    let incident = view.incident.as_ref().filter(|incident| incident.closed.is_none());
    incident.map(|incident| incident.id.clone())
}

/// How the site is, for whoever has not heard how it came to that.
pub(super) fn as_it_stands(context: &Context, id: i64, because: &str) -> Line {
    let view = context.view.borrow().clone();
    let votes = view.votes.len();
    Line {
        id,
        at: view.now,
        wall_ms: context.clock.wall_of(view.now),
        sort: Sort::Opening,
        level: view.level,
        subject: open_incident(&view).unwrap_or_else(|| view.site.clone()),
        text: format!(
            "{because}; the site is at {} with {votes} votes: {}",
            view.level, view.why
        ),
    }
}
