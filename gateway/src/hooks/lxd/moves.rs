//! What is done to one instance: look, do the next thing that is missing, and look again.

use std::time::Duration;

use muster_core::{Call, HookOutcome, Phase, RungKind};
use reqwest::Method;
use serde_json::json;

use super::door::Door;
use super::fault::Fault;
use super::operation::{Turn, Waiting};
use super::room::Free;
use super::words::Instance;
use super::{Inner, mark, room};
use crate::hooks::underway::Say;

/// Looks at an instance in one attempt: its turn, stop, move and start, each after somebody else's operation, with some to
/// spare.
const LOOKS: usize = 14;
/// A copy takes no longer; the core gives up before. Real time.
const COPY: Duration = Duration::from_secs(6 * 3_600);
/// A start takes no longer.
const START: Duration = Duration::from_secs(120);
/// Beyond the instance's own time to stop.
const STOP_SPARE: Duration = Duration::from_secs(20);

/// One step of one instance.
#[derive(Clone, Copy)]
pub(super) struct Mover<'a> {
    pub(super) door: &'a Door,
    pub(super) inner: &'a Inner,
    pub(super) call: &'a Call,
    pub(super) name: &'a str,
    pub(super) say: &'a Say,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Nothing,
    Stop,
    Copy,
    Start,
}

/// What is missing until it stands on one of these members, running if it ran before.
pub(super) fn missing(instance: &Instance, goal: &[&str], ran: bool) -> Result<Missing, Fault> {
    let there = goal.contains(&instance.location.as_str());
    match (instance.status.as_str(), there) {
        ("Running", true) => Ok(Missing::Nothing),
        ("Stopped", true) if ran => Ok(Missing::Start),
        ("Stopped", true) => Ok(Missing::Nothing),
        ("Running", false) => Ok(Missing::Stop),
        ("Stopped", false) => Ok(Missing::Copy),
        (status, _) => Err(Fault::NotYet(format!(
            "{} is {status} on {}",
            instance.name, instance.location
        ))),
    }
}

impl Mover<'_> {
    /// To a member of the destination.
    pub(super) async fn relocate(&self) -> Result<(), Fault> {
        let goal = self.inner.goal(self.call)?;
        self.bring_to(&goal).await
    }

    /// To where it stood before, running if it ran. One that was never moved stays.
    pub(super) async fn bring_home(&self) -> Result<(), Fault> {
        let before = self.look().await?.before();
        let Some(home) = before.home else {
            return Ok(());
        };
        self.bring_to(&[&home]).await?;
        mark::lift(self.door, self.name).await
    }

    async fn bring_to(&self, goal: &[&str]) -> Result<(), Fault> {
        // From before the stop until after the copy: it runs for as long as it would only wait, or could not go.
        let mut turn: Option<Turn> = None;
        for _ in 0..LOOKS {
            if self.waiting(COPY).for_others(self.name).await? {
                continue;
            }
            let instance = self.fenced().await?;
            let what = missing(&instance, goal, instance.before().ran)?;
            let leaves = matches!(what, Missing::Stop | Missing::Copy);
            if leaves && !turn.as_ref().is_some_and(|turn| turn.is_of(&instance.location)) {
                // Never two at once; and after the wait it is looked at again.
                drop(turn.take());
                turn = Some(self.inner.turns.take(&instance.location, self.say).await);
                continue;
            }
            match what {
                Missing::Nothing => return Ok(()),
                Missing::Stop => {
                    room::pick(self.door, goal, &instance).await?;
                    self.stop_it(&instance).await?;
                }
                Missing::Copy => self.copy(&instance, goal).await?,
                Missing::Start => {
                    drop(turn.take());
                    self.state("start", START).await?;
                }
            }
        }
        Err(Fault::NotYet(format!("{} does not stay as it is put", self.name)))
    }

    /// Stops it cleanly where it stands, unless that keeps its power: then it is safe as it is.
    pub(super) async fn stop(&self) -> Result<(), Fault> {
        for _ in 0..LOOKS {
            if self.waiting(COPY).for_others(self.name).await? {
                continue;
            }
            let instance = self.fenced().await?;
            if self.is_away(&instance) || instance.is("Stopped") {
                return Ok(());
            }
            if !instance.is("Running") {
                missing(&instance, &[], true)?;
            }
            self.stop_it(&instance).await?;
        }
        Err(Fault::NotYet(format!(
            "{} is started again whenever it is stopped",
            self.name
        )))
    }

    /// The probe of a move.
    pub(super) async fn has_moved(&self) -> Result<(), Fault> {
        let goal = self.inner.goal(self.call)?;
        let instance = self.look().await?;
        match missing(&instance, &goal, instance.before().ran)? {
            Missing::Nothing => Ok(()),
            _ => Err(self.still(&instance)),
        }
    }

    /// The probe of a return: it is on a member of its rack, running if it ran before.
    pub(super) async fn is_home(&self) -> Result<(), Fault> {
        let placed = self.inner.works.get(&self.call.workload);
        let members = placed.and_then(|placed| self.inner.target.places.racks.get(&placed.rack));
        let home: Vec<&str> = members.into_iter().flatten().map(String::as_str).collect();
        let instance = self.look().await?;
        match missing(&instance, &home, instance.before().ran)? {
            Missing::Nothing => Ok(()),
            _ => Err(self.still(&instance)),
        }
    }

    /// The probe of a stop.
    pub(super) async fn has_stopped(&self) -> Result<(), Fault> {
        let instance = self.look().await?;
        if instance.is("Stopped") || self.is_away(&instance) {
            return Ok(());
        }
        Err(self.still(&instance))
    }

    /// Everything that is harmless: the way in, the instance, the members, the room.
    pub(super) async fn rehearse(&self) -> Result<(), Fault> {
        let instance = self.look().await?;
        let away = matches!(self.call.phase, Phase::Prepare | Phase::Evacuate);
        if self.call.rung == RungKind::Move && away {
            let found = self.room_for(&instance).await?;
            tracing::info!(
                hook = self.inner.id,
                step = self.call.step,
                from = instance.location,
                to = found.member,
                "drill: nothing was changed"
            );
        }
        Ok(())
    }

    /// Whether there is room, as far as can be said before.
    pub(super) async fn find_room(&self) -> Result<Free, Fault> {
        self.room_for(&self.look().await?).await
    }

    async fn room_for(&self, instance: &Instance) -> Result<Free, Fault> {
        let goal = self.inner.goal(self.call)?;
        room::pick(self.door, &goal, instance).await
    }

    /// As it is, for a question.
    async fn look(&self) -> Result<Instance, Fault> {
        match self.door.instance(self.name).await {
            Ok(seen) => Ok(seen.it),
            Err(fault) => Err(self.why_unseen(fault).await),
        }
    }

    /// As it is behind the fence.
    async fn fenced(&self) -> Result<Instance, Fault> {
        match mark::raise(self.door, self.name, &self.call.incident, self.call.token).await {
            Ok(instance) => Ok(instance),
            Err(fault) => Err(self.why_unseen(fault).await),
        }
    }

    /// Says more than LXD does of an instance that it cannot show. Of one whose member is dead the list still knows where
    /// it stood. While one is copied there is none of its name for a moment.
    async fn why_unseen(&self, fault: Fault) -> Fault {
        // An instance of a dead member is asked for in vain for as long as we wait; or it is said so at once.
        if !fault.is_absence() && !fault.is_silence() {
            return fault;
        }
        let all = self
            .door
            .get::<Vec<Instance>>("/1.0/instances", &[("recursion", "1")])
            .await;
        let Ok(all) = all.map(|seen| seen.it) else {
            let placed = self.inner.works.get(&self.call.workload);
            let members = placed.and_then(|placed| self.inner.target.places.racks.get(&placed.rack));
            let members = members.map(|members| members.join(", ")).unwrap_or_default();
            return Fault::NotYet(format!(
                "{} cannot be asked for, its rack has {members}: {fault}",
                self.name
            ));
        };
        let half = all
            .iter()
            .find(|i| i.name.contains("move-of-") && i.before().home.is_some());
        match (all.iter().find(|i| i.name == self.name), half) {
            (Some(found), _) => Fault::NotYet(format!(
                "{} is {} on {}, which does not answer ({fault})",
                self.name, found.status, found.location
            )),
            (None, Some(half)) => Fault::NotYet(format!(
                "LXD has no {}, but {} on {}: a move is under way, or has broken off",
                self.name, half.name, half.location
            )),
            // What is copied is in the list under one of its two names.
            (None, None) if fault.is_absence() => Fault::Cannot(format!("LXD knows no instance {}", self.name)),
            (None, None) => fault,
        }
    }

    fn still(&self, instance: &Instance) -> Fault {
        Fault::NotYet(format!("{} is {} on {}", self.name, instance.status, instance.location))
    }

    /// Whether it stands where the power stays.
    fn is_away(&self, instance: &Instance) -> bool {
        !self.inner.doomed(self.call).contains(instance.location.as_str())
    }

    async fn copy(&self, instance: &Instance, goal: &[&str]) -> Result<(), Fault> {
        let to = room::pick(self.door, goal, instance).await?.member;
        let _ = self.say.send(HookOutcome::Running { percent: Some(0) }).await;
        let path = format!("/1.0/instances/{}", self.name);
        let body = json!({ "name": self.name, "migration": true });
        self.waiting(COPY)
            .run(Method::POST, (&path, &[("target", &to)]), &body)
            .await
    }

    /// Cleanly, in its own time; hard only by its owner's leave.
    async fn stop_it(&self, instance: &Instance) -> Result<(), Fault> {
        let stop_s = instance.stop_s();
        let limit = Duration::from_secs(stop_s) + STOP_SPARE;
        let body = json!({ "action": "stop", "timeout": stop_s, "force": false });
        match self.put_state(&body, limit).await {
            Err(Fault::Operation { err, .. }) if self.inner.target.allow_force_stop => {
                tracing::warn!(
                    hook = self.inner.id,
                    instance = self.name,
                    err,
                    "does not stop by itself: stopped hard"
                );
                let body = json!({ "action": "stop", "force": true });
                self.put_state(&body, limit).await
            }
            Err(Fault::Operation { err, .. }) => {
                let hint = "`allow_force_stop = true` would stop it hard";
                Err(Fault::NotYet(format!(
                    "{} has not stopped within {stop_s} s ({hint}): {err}",
                    self.name
                )))
            }
            done => done,
        }
    }

    async fn state(&self, action: &str, limit: Duration) -> Result<(), Fault> {
        self.put_state(&json!({ "action": action }), limit).await
    }

    async fn put_state(&self, body: &serde_json::Value, limit: Duration) -> Result<(), Fault> {
        let path = format!("/1.0/instances/{}/state", self.name);
        self.waiting(limit).run(Method::PUT, (&path, &[]), body).await
    }

    fn waiting(&self, limit: Duration) -> Waiting<'_> {
        Waiting {
            door: self.door,
            clock: &self.inner.clock,
            say: self.say,
            limit,
        }
    }
}
