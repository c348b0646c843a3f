//! Watches drills from outside: nothing of one is live, is called before it is durable, or goes on beside an incident.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{Call, DrillOutcome, DrillResult, Millis, Mode, Record, Rung, Site, State, StepEnd};

#[derive(Default)]
pub(crate) struct Drilled {
    running: Option<u32>,
    held: u32,
    /// Step to the sequence of its intent.
    intents: BTreeMap<String, u64>,
    /// Steps that ended well in the drill that runs.
    done: BTreeSet<String>,
    /// Workload to the ladder with which it has passed.
    proven: BTreeMap<String, String>,
}

impl Drilled {
    pub(crate) fn record(&mut self, seq: u64, record: &Record) {
        match record {
            Record::IncidentOpened { .. } => assert_eq!(self.running, None, "an incident opens beside a drill"),
            Record::DrillBegun { n, .. } => {
                assert_eq!(
                    (self.running, *n),
                    (None, self.held + 1),
                    "a drill begins beside another"
                );
                (self.running, self.held) = (Some(*n), *n);
                self.intents.clear();
                self.done.clear();
            }
            Record::DrillStep { n, record } => {
                assert_eq!(self.running, Some(*n), "a step of a drill that does not run");
                self.step(seq, record);
            }
            Record::DrillEnded {
                n, outcome, results, ..
            } => {
                assert_eq!(self.running.take(), Some(*n), "a drill ends that does not run");
                let all = results.iter().all(|r| r.passed) && !results.is_empty();
                assert_eq!(
                    *outcome == DrillOutcome::Passed,
                    all && *outcome != DrillOutcome::Interrupted
                );
                if *outcome != DrillOutcome::Interrupted {
                    results.iter().for_each(|r| self.result(r));
                }
            }
            Record::Pruned { through, leftover, .. } if *through == seq => {
                self.held = self.held.max(leftover.drills);
                self.proven.extend(leftover.proven.clone());
            }
            _ => {}
        }
    }

    fn step(&mut self, seq: u64, record: &Record) {
        match record {
            Record::StepIntent { step, mode, .. } => {
                assert_eq!(*mode, Mode::Drill, "{step} of a drill is live");
                self.intents.insert(step.clone(), seq);
            }
            Record::StepEnded {
                step,
                end: StepEnd::Done,
                ..
            } => drop(self.done.insert(step.clone())),
            Record::StepEnded { .. } | Record::StepAccepted { .. } | Record::StepStranded { .. } => {}
            other => panic!("a drill decides {other:?}"),
        }
    }

    fn result(&mut self, result: &DrillResult) {
        if result.passed {
            let by = result.by.clone().expect("the probe it passed by");
            assert!(
                self.done.contains(&by),
                "{} passed, and its probe never said so",
                result.workload
            );
            self.proven.insert(result.workload.clone(), result.ladder.clone());
        } else {
            self.proven.remove(&result.workload);
        }
    }

    /// Whether a call was a drill's.
    pub(crate) fn call(&self, site: &Site, stored: u64, call: &Call) -> bool {
        let Some(n) = call.incident.strip_prefix(&format!("{}-d", site.id)) else {
            return false;
        };
        assert_eq!(
            Some(n.parse().expect("a number")),
            self.running,
            "a call of a drill that does not run"
        );
        assert_eq!(call.mode, Mode::Drill, "{} of a drill is live", call.step);
        let intent = self.intents.get(&call.step).expect("an intent");
        assert!(
            *intent <= stored,
            "{} of a drill is called before the journal has it",
            call.step
        );
        assert!(
            site.hooks[call.hook.at()].accepts_drill,
            "{} drills a hook that takes none",
            call.step
        );
        true
    }

    /// Whether every workload has passed as its ladder is now.
    pub(crate) fn covers(&self, site: &Site) -> bool {
        site.workloads.iter().all(|workload| {
            let rung = |rung: &Rung| {
                let to = rung.to.as_ref().map_or_else(String::new, |to| format!(" to {to}"));
                format!("{}{to} by {}", rung.kind, site.hooks[rung.hook.at()].id)
            };
            let now = workload.rungs.iter().map(rung).collect::<Vec<_>>().join(", ");
            self.proven.get(&workload.id) == Some(&now)
        })
    }
}

/// What is not heard, or not believed, is in trouble by itself, with its source, or as one of several alike: silence is never
/// nothing.
pub(crate) fn faults_are_shown(now: Millis, state: &State) {
    let (troubles, channels) = (state.view(now).troubles, state.channels(now));
    for c in &channels {
        let unheard = c.quality == "warmup" && c.value.is_none();
        let sound = unheard || ["good", "simulated"].contains(&c.quality.as_str());
        let beside = |id: &str| channels.iter().any(|other| other.id == id && other.source == c.source);
        let alike = format!("no value ({})", c.quality);
        let speaks = |t: &muster_core::TroubleView| {
            t.subject == c.id || t.subject == c.source || beside(&t.subject) && t.line.contains(&alike)
        };
        let shown = sound || troubles.iter().any(speaks);
        assert!(shown, "{} is {}, and nothing says so: {troubles:?}", c.id, c.quality);
    }
}
