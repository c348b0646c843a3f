//! All places and the tasks that tell them; another config replaces the places, and nothing that waits is lost by it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use muster_core::Input;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use super::beat;
use super::carrier::Carrier;
use super::desk::Desk;
use super::figures::Figures;
use super::kept::{self, Kept};
use super::listen::{self, Hall};
use super::place::Task;
use super::queue::Queue;
use super::trouble::Trouble;
use super::{Context, Limits};
use crate::config::{Place, Way};
use crate::hooks::ClientError;
use crate::lanes::Control;
use crate::told::Told;

/// A place and its task.
#[derive(Debug)]
struct Standing {
    place: Place,
    figures: Arc<Figures>,
    /// None of a heartbeat.
    desk: Option<Arc<Desk>>,
    task: JoinHandle<()>,
}

/// Tells every place. Dropping it ends the telling; what was not out yet is told after the next start.
#[derive(Debug)]
pub struct Notifier {
    context: Context,
    limits: Limits,
    kept: Arc<Kept>,
    hall: Arc<Hall>,
    standing: Vec<Standing>,
    listener: Option<JoinHandle<()>>,
}

/// Places that can be told: what may fail has not.
#[derive(Debug)]
pub struct Ready(Vec<(Place, Carrier)>);

impl Ready {
    /// # Errors
    /// TLS could not be set up for a place.
    pub fn new(places: &[Place], limits: Limits) -> Result<Self, ClientError> {
        let ready = |place: &Place| Ok((place.clone(), Carrier::new(place, limits.attempt)?));
        places.iter().map(ready).collect::<Result<_, _>>().map(Self)
    }
}

impl Notifier {
    /// Begins. `events` has to have been subscribed to before the engine took its first input, so that nothing is said in
    /// between.
    #[must_use]
    pub fn start(ready: Ready, events: broadcast::Receiver<Arc<Told>>, context: Context, limits: Limits) -> Self {
        let kept = Arc::new(Kept::open(kept::beside(&context.journal)));
        let hall = Arc::new(Hall {
            desks: RwLock::default(),
            last: AtomicI64::new(context.told),
        });
        let mut notifier = Self {
            listener: None,
            standing: Vec::new(),
            context,
            limits,
            kept,
            hall,
        };
        notifier.put_up(ready);
        let (hall, kept) = (notifier.hall.clone(), notifier.kept.clone());
        let listening = listen::listen(events, hall, kept, notifier.context.clone());
        notifier.listener = Some(tokio::spawn(listening));
        notifier
    }

    /// Puts other places in force. One that has not changed goes on undisturbed; for one that has, what waits goes on
    /// waiting; a new one is told of an open incident; of one that is gone nothing is left, its trouble neither.
    pub async fn replace(&mut self, ready: Ready) {
        let known: Vec<String> = self.standing.iter().map(|standing| standing.place.id.clone()).collect();
        self.put_up(ready);
        let last = self.hall.last.load(Ordering::Relaxed);
        for desk in self.hall.desks().iter().filter(|desk| !known.contains(&desk.id)) {
            self.kept.told(&desk.id, last, &self.context.counters).await;
            if listen::open_incident(&self.context.view.borrow()).is_some() {
                desk.leave(&listen::as_it_stands(&self.context, last, "told here from now on"));
            }
        }
        let gone = known
            .iter()
            .filter(|id| !self.standing.iter().any(|standing| standing.place.id == **id));
        for id in gone {
            let (part, trouble) = (format!("notify-{id}"), None);
            // An engine that is gone shows no trouble.
            let _ = self
                .context
                .lanes
                .control
                .send(Control::Input(Input::Own { part, trouble }))
                .await;
        }
    }

    /// Figures of each place.
    #[must_use]
    pub fn figures(&self) -> Vec<Arc<Figures>> {
        self.standing.iter().map(|standing| standing.figures.clone()).collect()
    }

    fn put_up(&mut self, Ready(places): Ready) {
        let mut before = std::mem::take(&mut self.standing);
        for (place, carrier) in places {
            let at = before.iter().position(|standing| standing.place.id == place.id);
            let old = at.map(|at| before.swap_remove(at));
            let next = match old {
                Some(same) if same.place == place => same,
                old => self.stand(place, carrier, old),
            };
            self.standing.push(next);
        }
        before.iter().for_each(|standing| standing.task.abort());
        let desks = self
            .standing
            .iter()
            .filter_map(|standing| standing.desk.clone())
            .collect();
        *self.hall.desks.write().unwrap_or_else(PoisonError::into_inner) = desks;
    }

    fn stand(&self, place: Place, carrier: Carrier, old: Option<Standing>) -> Standing {
        if let Some(old) = &old {
            old.task.abort();
        }
        let figures = old
            .as_ref()
            .map_or_else(|| Arc::new(Figures::new(&place.id)), |old| old.figures.clone());
        let trouble = Trouble::new(&place, self.context.clone(), figures.clone());
        let (context, limits) = (self.context.clone(), self.limits);
        let (desk, task) = match (carrier, &place.way) {
            (Carrier::Heartbeat(heartbeat), Way::Heartbeat(pulse)) => {
                let every = Duration::from_millis(pulse.every_ms);
                (
                    None,
                    tokio::spawn(beat::run(heartbeat, every, context, trouble, figures.clone())),
                )
            }
            (carrier, _) => {
                let before = old.as_ref().and_then(|old| old.desk.as_deref());
                let desk = Arc::new(Desk::new(&place, figures.clone(), before));
                desk.with(Queue::grounded);
                let task = Task::new(desk.clone(), carrier, self.kept.clone(), trouble, context, limits);
                (Some(desk), tokio::spawn(task.run()))
            }
        };
        Standing {
            place,
            figures,
            desk,
            task,
        }
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.listener.iter().for_each(JoinHandle::abort);
        self.standing.iter().for_each(|standing| standing.task.abort());
    }
}
