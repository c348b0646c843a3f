//! From the engine's broadcast to the desks. Never waits for the network, so it is not behind; if it is all the same, the
//! journal has what it missed.

use std::sync::Arc;

use muster_core::View;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::desk::Desk;
use super::kept::Kept;
use super::sort::{Line, Sort};
use super::{Context, missed};
use crate::config::Topic;
use crate::counters::Cause;
use crate::told::Told;

/// Listens until the engine has gone.
pub(super) async fn listen(events: Receiver<Arc<Told>>, desks: Vec<Arc<Desk>>, kept: Arc<Kept>, context: Context) {
    let last = context.told;
    let listener = Listener { desks, context, last };
    listener.catch_up(&kept).await;
    listener.live(events).await;
}

struct Listener {
    desks: Vec<Arc<Desk>>,
    context: Context,
    /// Id of the last line that was handed out, or was not for anybody.
    last: i64,
}

impl Listener {
    /// What was said before this start and is not known to be out. A place we know nothing of is told of the open incident
    /// from its beginning; without one it has missed nothing.
    async fn catch_up(&self, kept: &Kept) {
        let open = open_incident(&self.context.view.borrow());
        let known = |desk: &Desk| kept.through(&desk.id).map(|id| id.min(self.context.told));
        let from = |desk: &Arc<Desk>| known(desk).or(open.as_ref().map(|_| 0)).unwrap_or(self.context.told);
        let Some(first) = self.desks.iter().map(from).min() else {
            return;
        };
        let (journal, counters) = (self.context.journal.clone(), &self.context.counters);
        let lines = missed::lines(journal, first, self.context.told, counters).await;
        let opened = open.and_then(|incident| missed::before_opening(&lines, &incident));
        for desk in &self.desks {
            let after = known(desk).or(opened).unwrap_or(self.context.told);
            // Ids rise.
            let untold = &lines[lines.partition_point(|line| line.id <= after)..];
            if untold.is_empty() {
                kept.told(&desk.id, self.context.told, counters).await;
            }
            untold.iter().for_each(|line| self.leave(desk, line));
        }
    }

    async fn live(mut self, mut events: Receiver<Arc<Told>>) {
        loop {
            match events.recv().await {
                Ok(told) if told.id <= self.last => {}
                Ok(told) => self.take(&told),
                Err(RecvError::Lagged(_)) => self.fill().await,
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn take(&mut self, told: &Told) {
        let gap = told.id - self.last - 1;
        if gap > 0 {
            let what = format!("{gap} lines were said faster than they could be heard here");
            self.context.counters.count(Cause::NotifyMissed, "listener", &what);
            self.hand_out(&in_their_place(&self.context, told.id - 1, gap));
        }
        self.last = told.id;
        if let Some(line) = Line::of(told) {
            self.hand_out(&line);
        }
    }

    /// The journal holds what is that far behind.
    async fn fill(&mut self) {
        let (journal, counters) = (self.context.journal.clone(), &self.context.counters);
        let lines = missed::lines(journal, self.last, i64::MAX, counters).await;
        for line in lines {
            self.last = line.id;
            self.hand_out(&line);
        }
    }

    fn hand_out(&self, line: &Line) {
        self.desks.iter().for_each(|desk| self.leave(desk, line));
    }

    fn leave(&self, desk: &Desk, line: &Line) {
        if !desk.leave(line) {
            let what = "a line found no room: the place has not been reached for long";
            self.context.counters.count(Cause::NotifyMissed, &desk.id, &what);
        }
    }
}

fn open_incident(view: &View) -> Option<String> {
    let incident = view.incident.as_ref().filter(|incident| incident.closed.is_none());
    incident.map(|incident| incident.id.clone())
}

/// How the site is, in place of lines that nobody can name any more.
fn in_their_place(context: &Context, id: i64, gap: i64) -> Line {
    let view = context.view.borrow().clone();
    let votes = view.votes.len();
    Line {
        id,
        at: view.now,
        wall_ms: context.clock.wall_of(view.now),
        sort: Sort::Of(Topic::Vote),
        level: view.level,
        subject: view.site.clone(),
        text: format!(
            "{gap} lines were not heard here; the site is at {} with {votes} votes: {}",
            view.level, view.why
        ),
    }
}
