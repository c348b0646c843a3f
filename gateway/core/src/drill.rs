//! A drill: the plan of a fire, carried out by the same code with no vote and no effect (decision 51). A vote ends it at once.

use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};

use crate::{
    Answer, Call, DrillOutcome, DrillResult, DrillView, Effect, Entry, EventKind, HookOutcome, IncidentView, Level,
    Millis, Mode, Phase, PrincipalIx, Record, Role, Site, State, StepEnd, Verdict, Workload, WorkloadIx,
    bypass::there_are,
    detect::Detect,
    plan::{Plan, Scope, Stage, Step, Work, schedule, step_id},
    policy::{Drill, Ended, Incident, Policy, ladder_words},
    retained::Named,
};

/// Who is said to have ordered what the calendar did.
const CALENDAR: &str = "the calendar";

/// What a person, or the calendar, wants drilled.
pub(crate) struct Wanted<'a> {
    /// None: the calendar.
    pub(crate) by: Option<PrincipalIx>,
    /// Empty: all.
    pub(crate) works: &'a [WorkloadIx],
    /// Whether only to say what would be done.
    pub(crate) dry: bool,
    pub(crate) nonce: u64,
}

impl State {
    pub(crate) fn order_drill(&mut self, now: Millis, wanted: &Wanted<'_>, out: &mut Vec<Effect>) {
        let person = wanted.by.and_then(|by| self.site.principals.get(by.at()));
        let who = match wanted.by {
            Some(_) => person.map_or_else(|| "unknown".into(), |p| p.id.clone()),
            None => CALENDAR.into(),
        };
        let works = self.chosen(wanted.works);
        let (verdict, why) = match self.no_drill(wanted, &works) {
            Some(why) => (Verdict::Refused, why),
            None if wanted.dry => (
                Verdict::Taken,
                format!(
                    "a drill of {} may begin now; none was begun. {}",
                    words(&works),
                    self.will_take(&works)
                ),
            ),
            None => (Verdict::Taken, self.begin_drill(now, &who, &works, out)),
        };
        if !wanted.dry {
            self.say(EventKind::Drill, "drill", format!("{verdict}: {why}"), out);
        }
        let nonce = wanted.nonce;
        out.push(Effect::Answer(Answer { nonce, verdict, why }));
    }

    /// Workloads by position, in the order of the config; none where one is not known.
    fn chosen(&self, works: &[WorkloadIx]) -> Vec<Workload> {
        let all = (0u16..).map(WorkloadIx).zip(&self.site.workloads);
        let chosen = all.filter(|(ix, _)| works.is_empty() || works.contains(ix));
        chosen.map(|(_, workload)| workload.clone()).collect()
    }

    /// Why no drill may begin now, if it may not. What is said of the detection itself keeps the calendar only: a person sees
    /// it, and a vote ends a drill anyhow.
    fn no_drill(&self, wanted: &Wanted<'_>, works: &[Workload]) -> Option<String> {
        if let Some(by) = wanted.by {
            let person = self.site.principals.get(by.at());
            let may = person.is_some_and(|p| p.roles.contains(&Role::Operator));
            if !may {
                let who = person.map_or("somebody unknown", |p| &p.id);
                return Some(format!("{who} does not have the role operator, which drill needs"));
            }
        }
        if works.is_empty() {
            let ids = self.site.workloads.iter().map(|w| w.id.as_str());
            return Some(format!("no workload has that name; {}", there_are(ids)));
        }
        if let Some(running) = &self.drill {
            return Some(format!(
                "{} is under way; it ends by itself, the page shows its steps",
                self.drill_id(running.n)
            ));
        }
        if let Some(open) = self.policy.open() {
            return Some(format!(
                "{} is open: this is no time for a drill; two persons reset it first",
                self.incident_id(open.n)
            ));
        }
        if let Some(why) = self.returns_or_worse() {
            return Some(why);
        }
        if let Some((target, _)) = self.policy.bypasses.iter().next() {
            let (what, id) = self.site.part(*target);
            return Some(format!("{} is at work or out of service", crate::bypass::of(what, &id)));
        }
        let trouble = self.policy.own.keys().next().cloned();
        let trouble = trouble.or_else(|| self.policy.troubles.keys().next().map(|s| self.subject_id(*s).into()));
        match trouble {
            Some(part) if part == "journal" => Some("the journal is in trouble".into()),
            Some(part) if wanted.by.is_none() => {
                Some(format!("{part} is in trouble; a person may order it all the same"))
            }
            _ => None,
        }
    }

    fn returns_or_worse(&self) -> Option<String> {
        if let Some(by) = &self.policy.returning {
            let line = format!("what was evacuated is on its way home, as ordered by {by}: drill when it is over");
            return Some(line);
        }
        (self.level() >= Level::Prepare).then(|| format!("the site is at {}: {}", self.level(), self.why()))
    }

    fn begin_drill(&mut self, now: Millis, who: &str, works: &[Workload], out: &mut Vec<Effect>) -> String {
        let n = self.policy.drills.held.saturating_add(1);
        let (site, until) = (Arc::new(self.drilled(works)), now + self.site.priors.loss_earliest_ms);
        let why = format!("drill ordered by {who}");
        let mut policy = Policy::new(&site);
        // Its number is only the upper half of the fencing token, which rises over drills and incidents alike.
        let token = self.policy.resets.saturating_add(n);
        policy.incident = Some(Incident {
            n: token,
            opened: now,
            why: why.clone(),
            sign: Some(now),
            evacuate_begun: Some(now),
            closed: None,
        });
        policy.site_evacuate = Some(why);
        let mut plan = Plan::new(&site).knowing(&site, &self.plan);
        plan.cordon_since = now;
        let record = Record::DrillBegun {
            n,
            by: who.into(),
            workloads: works.iter().map(|w| w.id.clone()).collect(),
        };
        self.record(now, record, out);
        self.drill = Some(Box::new(Drill {
            n,
            begun: now,
            until,
            site,
            policy,
            plan,
        }));
        let id = self.drill_id(n);
        format!(
            "{id} begins: {}, ordered by {who}; nothing is really moved. {}",
            words(works),
            self.will_take(works)
        )
    }

    /// Whoever orders it waits for it.
    fn will_take(&self, works: &[Workload]) -> String {
        let site = self.drilled(works);
        let plan = Plan::new(&site).knowing(&site, &self.plan);
        let takes_ms = schedule::end(&site, &plan, 0, &Scope::of_all(None)).unwrap_or(0);
        format!(
            "By the declared or learned times of its ways it takes up to {} s, mostly less; who is not safe after {} s has not \
             passed",
            seconds_up(takes_ms),
            seconds_up(site.priors.loss_earliest_ms)
        )
    }

    /// The site as the drill sees it: nothing but what is drilled.
    fn drilled(&self, works: &[Workload]) -> Site {
        let place = |ix: &WorkloadIx| {
            let id = &self.site.workloads[ix.at()].id;
            let at = works.iter().position(|w| w.id == *id)?;
            Some(WorkloadIx(at as u16))
        };
        let workload = |w: &Workload| Workload {
            after: w.after.iter().filter_map(place).collect(),
            ..w.clone()
        };
        Site {
            id: self.site.id.clone(),
            hooks: self.site.hooks.clone(),
            workloads: works.iter().map(workload).collect(),
            priors: self.site.priors,
            destinations: self.site.destinations.clone(),
            ..Site::clone(&Self::new().site)
        }
    }

    /// `{site}-d{n}`: no incident's, which ends in a number alone.
    pub(crate) fn drill_id(&self, n: u32) -> String {
        format!("{}-d{n}", self.site.id)
    }

    /// When something of the drill is due though nothing happens.
    pub(crate) fn drill_wake(&self) -> Option<Millis> {
        let drill = self.drill.as_ref()?;
        drill.plan.wake.into_iter().chain([drill.until]).min()
    }

    /// Does in the drill what is due, and ends it when it is over or must be.
    pub(crate) fn drive_drill(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let Some(drill) = &self.drill else { return };
        if self.level() >= Level::Prepare {
            let why = format!("the site is at {}: {}", self.level(), self.why());
            return self.end_drill(now, DrillOutcome::Interrupted, why, out);
        }
        let unstored = self.policy.own.contains_key("journal") || drill.is_unstored(now, self.stored);
        if unstored {
            let why = "the journal does not answer".into();
            return self.end_drill(now, DrillOutcome::Interrupted, why, out);
        }
        self.in_drill(out, |drill, out| drill.drive(now, out));
        let over = self.drill.as_ref().is_some_and(|d| now >= d.until || d.is_settled());
        if over {
            self.judge_drill(now, out);
        }
    }

    /// What a hook said of a drill's step. Whether it was of the drill.
    pub(crate) fn drill_hook(
        &mut self,
        now: Millis,
        (incident, step, mode): (&str, &str, Mode),
        outcome: &HookOutcome,
        out: &mut Vec<Effect>,
    ) -> bool {
        let ours = self.drill.as_ref().is_some_and(|d| self.drill_id(d.n) == incident);
        if ours {
            self.in_drill(out, |drill, out| {
                let own = drill.policy.open().map(|i| drill.incident_id(i.n)).unwrap_or_default();
                drill.hook(now, (&own, step, mode), outcome, out);
            });
        }
        ours
    }

    fn judge_drill(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let results = self.drill.as_ref().map(|d| d.results()).unwrap_or_default();
        let failed: Vec<&DrillResult> = results.iter().filter(|r| !r.passed).collect();
        let (outcome, why) = match failed.first() {
            None => (
                DrillOutcome::Passed,
                format!("{} would have been safe in time", many(results.len())),
            ),
            Some(first) => (
                DrillOutcome::Failed,
                format!(
                    "{} of {}, first {}: {}",
                    failed.len(),
                    many(results.len()),
                    first.workload,
                    first.why
                ),
            ),
        };
        self.end_drill(now, outcome, why, out);
    }

    /// Ends the drill, whatever it is at.
    pub(crate) fn end_drill(&mut self, now: Millis, outcome: DrillOutcome, why: String, out: &mut Vec<Effect>) {
        // Of one that was cut short nothing is known. Of the others what hooks have said: its end is no reason.
        let judged = self.drill.as_ref().filter(|_| outcome != DrillOutcome::Interrupted);
        let results = judged.map(|drill| drill.results()).unwrap_or_default();
        self.in_drill(out, |drill, out| {
            for i in drill.plan.book.live().collect::<Vec<_>>() {
                drill.end(now, i, StepEnd::Withdrawn, "the drill is over".into(), out);
            }
        });
        let Some(Drill { n, .. }) = self.drill.take().map(|drill| *drill) else {
            return;
        };
        let line = format!("{outcome}: {why}");
        let record = Record::DrillEnded {
            n,
            outcome,
            why,
            results,
        };
        self.record(now, record, out);
        let id = self.drill_id(n);
        self.say(EventKind::Drill, &id, line, out);
    }

    /// Steps the drill's own site; what it wants done is marked as the drill's.
    fn in_drill(&mut self, out: &mut Vec<Effect>, act: impl FnOnce(&mut State, &mut Vec<Effect>)) {
        let Some(drill) = self.drill.take() else { return };
        let (n, begun, until) = (drill.n, drill.begun, drill.until);
        let mut own = drill.into_state(self);
        let mut effects = Vec::new();
        act(&mut own, &mut effects);
        self.seq = own.seq;
        self.drill = Some(Box::new(Drill {
            n,
            begun,
            until,
            site: own.site,
            policy: own.policy,
            plan: own.plan,
        }));
        let id = self.drill_id(n);
        let level = self.level();
        effects.iter().for_each(|effect| self.learn_of_drill(effect));
        out.extend(effects.into_iter().map(|effect| of_drill((n, &id, level), effect)));
    }
}

impl State {
    /// What a step has taken is known beyond the drill.
    fn learn_of_drill(&mut self, effect: &Effect) {
        let Effect::Persist(Entry { record, .. }) = effect else {
            return;
        };
        if let Record::Learned { way, mode, took_ms, .. } = record {
            self.plan.learn(&self.site, way, *mode, *took_ms);
        }
    }

    pub(crate) fn drill_ended(&self, ended: &Ended) -> DrillView {
        DrillView {
            id: self.drill_id(ended.n),
            ended: ended.at,
            outcome: ended.outcome,
            why: ended.why.clone(),
            results: ended.results.clone(),
        }
    }

    /// The drill under way, as people are shown an incident.
    pub(crate) fn drill_view(&self, now: Millis) -> Option<IncidentView> {
        let drill = self.drill.as_deref()?;
        let own = drill.clone().into_state(self);
        let view = own.incident(own.policy.incident.as_ref()?, now);
        Some(IncidentView {
            id: self.drill_id(drill.n),
            ..view
        })
    }
}

/// An effect, marked as a drill's.
fn of_drill((n, id, level): (u32, &str, Level), effect: Effect) -> Effect {
    match effect {
        Effect::Persist(entry) if matches!(entry.record, Record::Learned { .. }) => Effect::Persist(entry),
        Effect::Persist(Entry { seq, at, record }) => {
            let record = Record::DrillStep {
                n,
                record: Box::new(record),
            };
            Effect::Persist(Entry { seq, at, record })
        }
        Effect::FireHook(call) => Effect::FireHook(Call {
            incident: id.into(),
            ..call
        }),
        Effect::CancelHook { step, .. } => Effect::CancelHook {
            incident: id.into(),
            step,
        },
        Effect::Event(mut event) => {
            (event.level, event.line) = (level, format!("{id}: {}", event.line));
            Effect::Event(event)
        }
        other @ (Effect::Answer(_) | Effect::Fault(_)) => other,
    }
}

impl Drill {
    /// A state in which nothing but the drill happens.
    fn into_state(self, real: &State) -> State {
        State {
            detect: Detect::new(&self.site, real.now),
            named: Named::all_of(&self.site),
            drill: None,
            site: self.site,
            policy: self.policy,
            plan: self.plan,
            now: real.now,
            seq: real.seq,
            stored: real.stored,
            wake: None,
        }
    }

    /// An intent that the journal has not answered for: unlike in a fire nothing goes out without it.
    fn is_unstored(&self, now: Millis, stored: u64) -> bool {
        let steps = self.plan.book.live().map(|i| self.plan.book.step(i));
        steps
            .into_iter()
            .any(|step| step.is_overdue_intent(now) && step.seq > stored)
    }

    /// Nothing is left that could still become safe.
    fn is_settled(&self) -> bool {
        let settled = |w: &Work| matches!(w.stage, Stage::Safe | Stage::Stranded | Stage::Skipped);
        self.plan.book.works.iter().all(settled)
    }

    fn results(&self) -> Vec<DrillResult> {
        let works = self.site.workloads.iter().zip(&self.plan.book.works);
        let works = (0u16..).map(WorkloadIx).zip(works);
        works
            .map(|(ix, (workload, work))| self.result(workload, (ix, work)))
            .collect()
    }

    fn result(&self, workload: &Workload, (ix, work): (WorkloadIx, &Work)) -> DrillResult {
        let safe = work.stage == Stage::Safe;
        let better = |step: &&Step| step.work == ix && step.rung < work.rung && step.phase != Phase::Prepare;
        // Whatever kept it from that: a bridge that was walked in vain is none.
        let failed = self.plan.book.steps().iter().find(better);
        let why = match (work.stage, failed) {
            (Stage::Safe, Some(_)) if work.refused != 0 => "a better rung said that it cannot".into(),
            (Stage::Safe, Some(step)) => format!("{} did not come off", step.id),
            (Stage::Safe, None) => String::new(),
            (Stage::Skipped, _) => "its hook takes no drills".into(),
            (Stage::Stranded, _) => format!("its last rung cannot: {}", work.why),
            _ if work.why.is_empty() => "not safe in time".into(),
            _ => format!("not safe in time: {}", work.why),
        };
        DrillResult {
            workload: workload.id.clone(),
            passed: safe && failed.is_none(),
            by: safe.then(|| step_id(workload, work.rung, Phase::Verify)),
            ladder: ladder_words(&self.site, workload),
            took_ms: work.safe_at.map(|at| at - self.begun),
            why,
        }
    }
}

/// Whole seconds, never too few.
const fn seconds_up(ms: Millis) -> Millis {
    ms.div_euclid(1_000) + (ms.rem_euclid(1_000) != 0) as Millis
}

fn many(n: usize) -> String {
    format!("{n} workload{}", if n == 1 { "" } else { "s" })
}

fn words(works: &[Workload]) -> String {
    match works {
        [one] => one.id.clone(),
        all => many(all.len()),
    }
}
