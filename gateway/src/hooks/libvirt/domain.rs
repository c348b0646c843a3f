//! What is done to one machine: look where it is, and do what is missing.

use std::time::Duration;

use muster_core::{Call, Phase, RungKind};

use super::Inner;
use super::fault::Fault;
use super::fence::{self, Mark};
use super::virsh::ASK;
use crate::clock::Stopwatch;
use crate::config::StopBy;
use crate::hooks::places;

/// A copy takes no longer; the core gives up before. Real time.
const COPY: Duration = Duration::from_secs(6 * 3_600);
/// Its state is looked at this often while it stops.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A live move is paused for the rest of its way after half of the time that is left, within these. Seconds.
const PAUSE_AFTER_S: std::ops::RangeInclusive<u64> = 5..=300;

/// One machine of one call.
pub(super) struct Domain<'a> {
    pub(super) inner: &'a Inner,
    pub(super) call: &'a Call,
    pub(super) name: &'a str,
    /// Hypervisors of its rack.
    pub(super) home: &'a [String],
    /// Those of the destination that keep their power; none for a stop.
    pub(super) goal: Vec<&'a str>,
}

/// Where it is and how: `running`, `paused`, `shut off`, ….
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) uri: String,
    pub(super) state: String,
}

impl Found {
    fn runs(&self) -> bool {
        self.state == "running" || self.state == "idle"
    }

    fn is_off(&self) -> bool {
        self.state == "shut off"
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", self.state, self.uri)
    }
}

impl Domain<'_> {
    /// To a hypervisor of the destination.
    pub(super) async fn relocate(&self) -> Result<(), Fault> {
        match self.anywhere(&self.goal).await? {
            Some(there) if there.runs() => return self.arrived(&there).await,
            // A move that was paused for the rest of its way, and whose end nobody saw.
            Some(there) if there.state == "paused" => {
                self.arrived(&there).await?;
                return self.virsh(&there.uri, &["resume", self.name], ASK).await.map(drop);
            }
            _ => {}
        }
        let here = self.at_home().await?;
        let mark = self.fenced(&here).await?;
        if here.is_off() && mark.ran {
            // Somebody, or a step before, has stopped it: it has to run there in the end.
            self.start(&here.uri).await?;
        }
        self.migrate(&here, &self.roomiest().await?).await
    }

    /// Whether what is there under its name is the one that we have moved, and not another, or one whose move goes on.
    async fn arrived(&self, there: &Found) -> Result<(), Fault> {
        let here = match self.anywhere(&self.homes()).await {
            Ok(here) => here,
            // It may have lost its power, and what runs is there; what is paused may be on its way still.
            Err(_) if there.runs() => None,
            Err(fault) => return Err(fault),
        };
        let known = fence::of(&self.inner.virsh, &there.uri, self.name).await?;
        let ours = known.filter(|mark| mark.incident == self.call.incident);
        match (ours, here) {
            (Some(mark), _) if mark.token > self.call.token => Err(Fault::Overtaken(self.name.to_owned(), mark.token)),
            // While both are paused its move may still end either way.
            (Some(_), Some(here)) if here.runs() || !(there.runs() || here.is_off()) => Err(self.twice(there, &here)),
            (Some(_), _) => Ok(()),
            (None, Some(here)) => Err(self.twice(there, &here)),
            (None, None) => Err(Fault::NotYet(format!(
                "{} is {there} without a mark of this incident, and not at {}",
                self.name,
                self.homes().join(", ")
            ))),
        }
    }

    fn twice(&self, there: &Found, here: &Found) -> Fault {
        Fault::NotYet(format!("{} is there twice: {there}, {here}", self.name))
    }

    /// Back to where it was, running if it ran.
    pub(super) async fn bring_home(&self) -> Result<(), Fault> {
        let everywhere: Vec<&str> = self
            .goal
            .iter()
            .copied()
            .chain(self.home.iter().map(String::as_str))
            .collect();
        let Some(found) = self.anywhere(&everywhere).await? else {
            return Err(Fault::NotYet(format!("{} is nowhere", self.name)));
        };
        let Some(mark) = fence::of(&self.inner.virsh, &found.uri, self.name).await? else {
            return Ok(());
        };
        if mark.token > self.call.token {
            return Err(Fault::Overtaken(self.name.to_owned(), mark.token));
        }
        if mark.home.is_empty() {
            return Ok(());
        }
        if mark.ran && found.is_off() {
            self.start(&found.uri).await?;
        }
        if found.uri != mark.home {
            self.migrate(&found, &mark.home).await?;
        }
        self.lift(mark).await
    }

    /// Back home: how it was before is kept for the probe, and written anew when it has to leave again.
    async fn lift(&self, mark: Mark) -> Result<(), Fault> {
        let uri = mark.home.clone();
        let runs = self.state(&uri).await?.is_some_and(|state| state != "shut off");
        let lifted = Mark {
            home: String::new(),
            token: self.call.token,
            ..mark
        };
        fence::write(&self.inner.virsh, &uri, (self.name, runs), &lifted).await
    }

    /// The guest shuts down, or its memory is saved.
    pub(super) async fn stop(&self) -> Result<(), Fault> {
        let Some(here) = self.endangered().await? else {
            return Ok(());
        };
        if here.is_off() {
            return Ok(());
        }
        self.fenced(&here).await?;
        let limit = self.inner.target.stop_timeout;
        match self.inner.target.stop_by {
            StopBy::ManagedSave => self
                .virsh(&here.uri, &["managedsave", self.name], limit.max(ASK))
                .await
                .map(drop),
            StopBy::Shutdown => self.shut_down(&here, limit).await,
        }
    }

    async fn shut_down(&self, here: &Found, limit: Duration) -> Result<(), Fault> {
        self.virsh(&here.uri, &["shutdown", self.name], ASK).await?;
        let since = Stopwatch::start();
        while since.elapsed() < limit {
            if self.state(&here.uri).await?.is_none_or(|state| state == "shut off") {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        if self.inner.target.allow_destroy {
            tracing::warn!(
                hook = self.inner.id,
                domain = self.name,
                "does not shut down: destroyed"
            );
            return self
                .virsh(&here.uri, &["destroy", self.name, "--graceful"], limit.max(ASK))
                .await
                .map(drop);
        }
        let (name, limit_s) = (self.name, limit.as_secs());
        let hint = "`allow_destroy = true` would end it, `stop_by = \"managedsave\"` saves it";
        Err(Fault::NotYet(format!(
            "{name} has not shut down within {limit_s} s ({hint})"
        )))
    }

    /// The probe of a move: it runs at the destination, and nowhere else.
    pub(super) async fn has_moved(&self) -> Result<(), Fault> {
        let there = self.anywhere(&self.goal).await?;
        // A hypervisor that does not answer any more may have lost its power, which is what this is about.
        let here = self.anywhere(&self.homes()).await.ok().flatten();
        match (there, here) {
            (Some(there), Some(here)) if there.runs() && here.runs() => {
                Err(Fault::NotYet(format!("{} runs twice: {there}, {here}", self.name)))
            }
            (Some(there), _) if there.runs() => Ok(()),
            (Some(there), _) if self.never_ran(&there).await? => Ok(()),
            (Some(there), _) => Err(Fault::NotYet(format!("{} is {there}", self.name))),
            (None, Some(here)) => Err(Fault::NotYet(format!("{} is {here}", self.name))),
            (None, None) => Err(Fault::NotYet(format!("{} is nowhere that answers", self.name))),
        }
    }

    /// The probe of a return: it is in its rack, running if it ran before.
    pub(super) async fn is_home(&self) -> Result<(), Fault> {
        let here = self.at_home().await?;
        if here.runs() || self.never_ran(&here).await? {
            return Ok(());
        }
        Err(Fault::NotYet(format!("{} is {here}", self.name)))
    }

    /// It is off, as it was before.
    async fn never_ran(&self, found: &Found) -> Result<bool, Fault> {
        if !found.is_off() {
            return Ok(false);
        }
        let mark = fence::of(&self.inner.virsh, &found.uri, self.name).await?;
        Ok(mark.is_some_and(|mark| !mark.ran))
    }

    /// The probe of a stop.
    pub(super) async fn has_stopped(&self) -> Result<(), Fault> {
        match self.endangered().await? {
            Some(here) if !here.is_off() => Err(Fault::NotYet(format!("{} is {here}", self.name))),
            _ => Ok(()),
        }
    }

    /// Everything that is harmless: both ways in, the machine, the room.
    pub(super) async fn rehearse(&self) -> Result<(), Fault> {
        if matches!(self.call.phase, Phase::Verify | Phase::Restore) {
            // In a drill it has not gone anywhere.
            return self.at_home().await.map(drop);
        }
        self.at_home().await?;
        if self.call.rung == RungKind::Move {
            self.roomiest().await?;
        }
        Ok(())
    }

    fn homes(&self) -> Vec<&str> {
        self.home.iter().map(String::as_str).collect()
    }

    /// It, where the power goes: in its rack, or at another hypervisor that is doomed. None where it stands safe. One that is
    /// nowhere has not been stopped: its name may be wrong, or its move half done.
    async fn endangered(&self) -> Result<Option<Found>, Fault> {
        if let Some(here) = self.anywhere(&self.homes()).await? {
            return Ok(Some(here));
        }
        let known = &self.inner.target.places;
        let all = known.racks.values().chain(known.destinations.values()).flatten();
        let all: Vec<&str> = all.map(String::as_str).collect();
        let Some(found) = self.anywhere(&all).await? else {
            return Err(Fault::NotYet(format!("{} is nowhere", self.name)));
        };
        let doomed = places::doomed(known, self.call, None);
        Ok(Some(found).filter(|found| doomed.contains(found.uri.as_str())))
    }

    async fn at_home(&self) -> Result<Found, Fault> {
        let homes = self.homes();
        let found = self.anywhere(&homes).await?;
        found.ok_or_else(|| Fault::Cannot(format!("no machine {} at {}", self.name, homes.join(", "))))
    }

    /// Where it is: where it runs, or else the first that has it. A hypervisor that is silent may run it, unless another does.
    async fn anywhere(&self, uris: &[&str]) -> Result<Option<Found>, Fault> {
        let (mut first, mut silent) = (None, None);
        for uri in uris {
            match self.state(uri).await {
                Ok(Some(state)) => {
                    let found = Found {
                        uri: (*uri).to_owned(),
                        state,
                    };
                    if found.runs() {
                        return Ok(Some(found));
                    }
                    first = first.or(Some(found));
                }
                Ok(None) => {}
                Err(fault) => silent = silent.or(Some(fault)),
            }
        }
        silent.map_or(Ok(first), Err)
    }

    /// Its state there; none if that hypervisor has it not.
    async fn state(&self, uri: &str) -> Result<Option<String>, Fault> {
        match self.virsh(uri, &["domstate", self.name], ASK).await {
            Ok(state) => Ok(Some(state.trim().to_owned())),
            Err(fault) if fault.is_absence() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The hypervisor of the destination with most memory.
    async fn roomiest(&self) -> Result<String, Fault> {
        let (mut best, mut silent) = (None::<(u64, &str)>, None);
        for uri in &self.goal {
            match super::preflight::free_kib(&self.inner.virsh, uri).await {
                Ok(free) => best = best.max(Some((free, uri))),
                Err(fault) => silent = Some(fault),
            }
        }
        let lack = || Fault::NotYet(format!("nobody answers at {}", self.goal.join(", ")));
        best.map(|(_, uri)| uri.to_owned())
            .ok_or_else(|| silent.unwrap_or_else(lack))
    }

    /// Raises the fence to this call's token; how it was before.
    async fn fenced(&self, here: &Found) -> Result<Mark, Fault> {
        let known = fence::of(&self.inner.virsh, &here.uri, self.name).await?;
        if let Some(higher) = known.as_ref().filter(|mark| mark.token > self.call.token) {
            return Err(Fault::Overtaken(self.name.to_owned(), higher.token));
        }
        // Until it is home again, how it was before is what it was before the first incident.
        let mark = match known.filter(|mark| !mark.home.is_empty()) {
            Some(mark) if mark.token == self.call.token && mark.incident == self.call.incident => return Ok(mark),
            Some(mark) => Mark {
                token: self.call.token,
                incident: self.call.incident.clone(),
                ..mark
            },
            None => Mark {
                token: self.call.token,
                incident: self.call.incident.clone(),
                home: here.uri.clone(),
                ran: !here.is_off(),
            },
        };
        fence::write(&self.inner.virsh, &here.uri, (self.name, !here.is_off()), &mark).await?;
        Ok(mark)
    }

    async fn migrate(&self, here: &Found, to: &str) -> Result<(), Fault> {
        let pause = self.pause_after_s().to_string();
        let mut arguments = vec!["migrate", "--persistent", "--undefinesource"];
        if self.state(&here.uri).await?.is_some_and(|state| state == "shut off") {
            if self.inner.target.copy_storage {
                let line = "is off, and disks that are not shared are copied of running machines only";
                return Err(Fault::Cannot(format!("{} {line}", self.name)));
            }
            arguments.push("--offline");
        } else {
            arguments.extend(["--live", "--timeout", &pause, "--timeout-suspend"]);
            if self.inner.target.copy_storage {
                arguments.push("--copy-storage-all");
            }
        }
        arguments.extend([self.name, to]);
        self.virsh(&here.uri, &arguments, COPY).await.map(drop)
    }

    fn pause_after_s(&self) -> u64 {
        let left_ms = self
            .call
            .deadline
            .saturating_sub(self.inner.clock.now())
            .max(0)
            .unsigned_abs();
        (left_ms / 2_000).clamp(*PAUSE_AFTER_S.start(), *PAUSE_AFTER_S.end())
    }

    async fn start(&self, uri: &str) -> Result<(), Fault> {
        self.virsh(uri, &["start", self.name], ASK).await.map(drop)
    }

    async fn virsh(&self, uri: &str, arguments: &[&str], limit: Duration) -> Result<String, Fault> {
        self.inner.virsh.run(uri, arguments, limit).await
    }
}
