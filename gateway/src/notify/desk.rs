//! Where the listener leaves what a place is to be told, and its task finds it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::figures::Figures;
use super::queue::Queue;
use super::sort::{Line, Sort};
use crate::config::{Place, Topic};

/// Shared by the listener and one place's task. Nothing here waits for the network.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) id: String,
    pub(super) figures: Arc<Figures>,
    /// Rung at every line that is left here.
    pub(super) bell: Notify,
    /// Rung at every vote, level or end.
    pub(super) alarm: Notify,
    on: Vec<Topic>,
    queue: Arc<Mutex<Queue>>,
}

impl Desk {
    /// A desk for a place; what waits at the one it replaces goes on waiting here.
    pub(super) fn new(place: &Place, figures: Arc<Figures>, before: Option<&Self>) -> Self {
        Self {
            id: place.id.clone(),
            figures,
            bell: Notify::new(),
            alarm: Notify::new(),
            on: place.on.clone(),
            queue: before.map_or_else(Arc::default, |desk| desk.queue.clone()),
        }
    }

    /// Leaves a line, if this place wants it. False if a line found no room.
    pub(super) fn leave(&self, line: &Line) -> bool {
        let wanted = match line.sort {
            Sort::Opening => true,
            Sort::Of(topic) => self.on.contains(&topic),
        };
        if !wanted {
            return true;
        }
        let room = self.with(|queue| queue.push(line.clone()));
        self.bell.notify_one();
        if !line.is_trouble() {
            self.alarm.notify_one();
        }
        room
    }

    /// Works on the queue; afterwards the figures are right again.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut queue);
        self.figures.set_oldest(queue.waiting().1);
        done
    }

    /// Returns once votes, levels or ends wait beside those on their way.
    pub(super) async fn more(&self) {
        while !self.with(|queue| queue.has_more()) {
            self.alarm.notified().await;
        }
    }
}
