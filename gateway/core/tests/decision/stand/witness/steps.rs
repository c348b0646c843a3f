//! What must hold of every step: its intent, its calls, its end.

use muster_core::{Call, Entry, Millis, Mode, Phase, Record, StepEnd, View};

use super::{Intent, Left, StepKey, Witness};

impl Witness {
    pub(super) fn intent(&mut self, entry: &Entry) {
        let Record::StepIntent {
            step,
            phase,
            mode,
            token,
            workload,
            rung,
            ..
        } = &entry.record
        else {
            return;
        };
        let homeward = self.homeward(step, *phase);
        assert!(
            !homeward || self.returning && !self.open || self.may_ask(workload, *phase),
            "{step}: return is never automatic (15)"
        );
        assert!(
            homeward || *phase == Phase::Prepare || self.evacuating,
            "{step} without evidence (1)"
        );
        let to = step.rsplit('.').next().unwrap_or_default();
        let goes = *phase == Phase::Evacuate && self.lost.contains(to);
        assert!(!goes, "{step} begins, and {to} has a vote of its own (5)");
        let aborted = self.aborted && *phase != Phase::Prepare;
        assert!(!aborted, "{step} begins though an evacuation is aborted");
        let last = self.token.insert(*mode, *token);
        assert!(last.is_none_or(|last| *token > last), "token {token} after {last:?}");
        let key = (self.incident.expect("an incident"), step.clone(), *mode);
        let intent = Intent {
            seq: entry.seq,
            at: entry.at,
            token: *token,
            end: None,
            workload: workload.clone(),
            rung: *rung,
            phase: *phase,
            by_order: self.returns,
        };
        self.leaves_once(&intent, (step, *mode));
        if let Some(old) = self.intents.insert(key, intent) {
            // What could not come home is tried again by another order only; and a question may be asked again.
            let again = homeward && (self.returns > old.by_order || *phase == Phase::Verify);
            // What was asked in the incident is asked after its return too.
            let asked = homeward && *phase == Phase::Verify && self.returns > old.by_order;
            let may = old.end == Some(StepEnd::Withdrawn)
                || again && old.end.is_some_and(|end| asked || end != StepEnd::Done);
            assert!(may, "{step} begins twice (8): {old:?}");
        }
    }

    /// What left before this incident is asked whether it is home while the site evacuates, and nothing else.
    fn may_ask(&self, workload: &str, phase: Phase) -> bool {
        let left = self.away.get(workload);
        let before = left.map_or(self.away_before, |left| Some(left.incident) != self.incident);
        self.open && self.evacuating && phase == Phase::Verify && before
    }

    /// What runs at home is never passed over once its probe has said so: it is on its way out, or waits for that and shows no time
    /// at which it was safe.
    pub(super) fn none_is_passed_over(&self, view: &View) {
        let Some(incident) = view
            .incident
            .as_ref()
            .filter(|i| i.mode == Mode::Live && i.closed.is_none())
        else {
            return;
        };
        for w in incident.workloads.iter().filter(|w| self.found_home.contains(&w.id)) {
            let begun = |i: &Intent| i.phase == Phase::Evacuate && i.workload == w.id;
            let now = |(n, _, mode): &StepKey| Some(*n) == self.incident && *mode == Mode::Live;
            let left = self.intents.iter().any(|(key, i)| now(key) && begun(i));
            let safe = ["moved", "stopped", "home"].contains(&w.state.as_str()) || w.safe_at.is_some();
            assert!(
                left || !safe,
                "{} runs at home, and is passed over as {}",
                w.id,
                w.state
            );
        }
    }

    /// What is away is sent nothing but the way back, and nothing but that before its probe at home has said that it is there.
    fn leaves_once(&mut self, intent: &Intent, (step, mode): (&str, Mode)) {
        let sends = matches!(intent.phase, Phase::Prepare | Phase::Evacuate) && mode == Mode::Live;
        let workload = &intent.workload;
        let left = self.away.get(workload).filter(|_| sends);
        // Where only the hook has said so, and it was in this incident, the next rung may take over.
        let stays = left.is_some_and(|left| left.verified || Some(left.incident) != self.incident);
        assert!(!stays, "{step}, and {workload} is away");
        if intent.phase == Phase::Restore
            && let Some(left) = self.away.remove(workload)
        {
            self.going.insert(workload.clone(), left);
        }
    }

    /// A hook is never at more than its lanes: whoever has to go for another is called off first.
    pub(super) fn lanes(&mut self, call: &Call) {
        let hook = &self.site.hooks[call.hook.at()];
        let key = (call.incident.clone(), call.step.clone());
        let known = self.running.insert(key, hook.id.clone());
        let at_it = self.running.values().filter(|id| **id == hook.id).count();
        assert!(
            known.is_some() || at_it <= usize::from(hook.max_parallel),
            "{} is called, and {} is at {at_it} of {}",
            call.step,
            hook.id,
            hook.max_parallel
        );
    }

    /// Of the way back, by its phase or because it asks at home.
    fn homeward(&self, step: &str, phase: Phase) -> bool {
        phase == Phase::Restore || step.ends_with(&format!(".verify.{}", self.site.id))
    }

    pub(super) fn end(&mut self, step: &str, end: StepEnd) {
        let n = self.incident.expect("an incident");
        let live = |m: &Mode| {
            let key = (n, step.to_string(), *m);
            self.intents.get(&key).is_some_and(|i| i.end.is_none())
        };
        let mode = [Mode::Live, Mode::Drill].into_iter().find(live);
        let mode = mode.unwrap_or_else(|| panic!("{step} ends, and never began"));
        let key = (n, step.to_string(), mode);
        let homeward = self.homeward(step, Phase::Verify);
        let intent = self.intents.get_mut(&key).expect("an intent");
        intent.end = Some(end);
        let (workload, phase, rung) = (intent.workload.clone(), intent.phase, intent.rung);
        if phase != Phase::Prepare && end == StepEnd::Superseded {
            // What is remembered was judged when it happened, and may be of another file.
            let below = self.remembering || self.may_go_below(&workload, rung);
            assert!(below, "{step} gives way, and nothing may go below");
        }
        if mode == Mode::Live {
            self.heard(workload, (phase, homeward), end);
        }
    }

    fn may_go_below(&self, workload: &str, rung: u8) -> bool {
        let known = self.site.workloads.iter().find(|w| w.id == workload);
        let below = known
            .into_iter()
            .flat_map(|w| w.rungs.iter().skip(usize::from(rung) + 1));
        let mut places = below.map(|rung| rung.to.as_ref());
        places.any(|to| to.is_none_or(|to| !self.lost.contains(to)))
    }

    /// Where something is for real, as its hook or its probe said.
    fn heard(&mut self, workload: String, what: (Phase, bool), end: StepEnd) {
        let left = |verified| Left {
            incident: self.incident.unwrap_or_default(),
            verified,
        };
        match (what, end) {
            ((Phase::Verify, true), StepEnd::Done) => {
                self.going.remove(&workload);
                if self.away.remove(&workload).is_some() && self.open {
                    self.found_home.insert(workload);
                }
            }
            ((Phase::Verify, true), _) => {}
            // Refused: somebody else has it.
            ((Phase::Evacuate, _), StepEnd::Done | StepEnd::Refused) => drop(self.away.insert(workload, left(false))),
            ((Phase::Verify, _), StepEnd::Done) => drop(self.away.insert(workload, left(true))),
            ((Phase::Verify, _), StepEnd::Refused | StepEnd::Withdrawn) => {}
            ((Phase::Verify, _), _) => drop(self.away.remove(&workload)),
            ((Phase::Restore, _), StepEnd::Done | StepEnd::Refused | StepEnd::Withdrawn) => {}
            // It has not come.
            ((Phase::Restore, _), _) => {
                if let Some(left) = self.going.remove(&workload) {
                    self.away.insert(workload, left);
                }
            }
            _ => {}
        }
    }

    /// Invariants 7, 8, 11 and 15.
    pub(super) fn call(&self, now: Millis, call: &Call) {
        if self.drilled.call(&self.site, self.stored, call) {
            return assert_eq!(
                self.incident.filter(|_| self.evacuating),
                None,
                "a drill beside an evacuation"
            );
        }
        let n = self.incident.expect("an incident");
        assert_eq!(call.incident, format!("{}-{n}", self.site.id));
        let key = (n, call.step.clone(), call.mode);
        let intent = self
            .intents
            .get(&key)
            .unwrap_or_else(|| panic!("{} without an intent (7)", call.step));
        assert_eq!(intent.end, None, "{} called after its end (8)", call.step);
        assert_eq!(intent.token, call.token, "a retry has the token of its intent");
        let waited = now - intent.at >= 500 || self.journal_sick || self.marked;
        let durable = intent.seq <= self.stored;
        assert!(durable || waited, "{} called before the journal has it (7)", call.step);
        assert!(
            durable || self.marked,
            "{} called, and the journal is not marked (7)",
            call.step
        );
        assert_eq!(
            call.mode == Mode::Live,
            self.armed,
            "{} in the wrong mode (11)",
            call.step
        );
        let homeward = self.homeward(&call.step, call.phase);
        assert!(
            !homeward || self.returning && !self.open || self.may_ask(&call.workload, call.phase),
            "{} called, and nobody has ordered a return (15)",
            call.step
        );
        let accepts = self.site.hooks[call.hook.at()].accepts_drill;
        assert!(
            call.mode == Mode::Live || accepts,
            "{} drills a hook that takes none (11)",
            call.step
        );
        assert!(
            homeward || call.phase == Phase::Prepare || self.evacuating,
            "{} without evidence (1)",
            call.step
        );
        let to = call.destination.as_deref().unwrap_or_default();
        let goes = call.phase == Phase::Evacuate && self.lost.contains(to);
        assert!(!goes, "{} called, and {to} has a vote of its own (5)", call.step);
    }
}
