//! What the journal knows: when each hook last carried out a step, and how drills went.

use std::collections::BTreeMap;
use std::path::Path;

use muster_core::{DrillOutcome, Record, Site, StepEnd};

use crate::journal::{JournalError, Reader};

/// Decisions of one kind that are looked through, newest first: those of a day of drills of the largest site, about.
const LOOKED_THROUGH: u32 = 5_000;

/// What is known of the past. Times are Unix milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// When each hook last carried out a step, live or as a drill, by its id.
    pub proofs: BTreeMap<String, i64>,
    /// When each workload last passed a drill, by its id.
    pub passed: BTreeMap<String, i64>,
    /// Drills, newest first.
    pub drills: Vec<Drill>,
}

/// One drill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drill {
    /// When it ended.
    pub at_ms: i64,
    /// Everything was safe in time.
    pub passed: bool,
    /// One line.
    pub why: String,
}

impl History {
    /// The last drill.
    #[must_use]
    pub fn last(&self) -> Option<&Drill> {
        self.drills.first()
    }

    /// Reads it from a journal; empty where there is none yet.
    ///
    /// # Errors
    /// What the journal says of a damaged file.
    pub fn read(path: &Path, site: &Site) -> Result<Self, JournalError> {
        let reader = match Reader::open(path) {
            Ok(reader) => reader,
            Err(JournalError::Missing { .. }) => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut history = Self::default();
        for kind in ["step_ended", "drill_step", "drill_ended"] {
            for entry in reader.entries_of_kind(kind, i64::MAX, LOOKED_THROUGH)? {
                if let Ok(record) = entry.record() {
                    history.take(site, entry.wall_ms, &record);
                }
            }
        }
        Ok(history)
    }

    /// Entries come newest first.
    fn take(&mut self, site: &Site, wall_ms: i64, record: &Record) {
        match record {
            Record::StepEnded {
                step,
                end: StepEnd::Done,
                ..
            } => {
                if let Some(hook) = hook_of(site, step) {
                    self.proofs
                        .entry(hook)
                        .and_modify(|at| *at = wall_ms.max(*at))
                        .or_insert(wall_ms);
                }
            }
            Record::DrillStep { record, .. } => self.take(site, wall_ms, record),
            Record::DrillEnded {
                outcome, why, results, ..
            } => {
                self.drills.push(Drill {
                    at_ms: wall_ms,
                    passed: *outcome == DrillOutcome::Passed,
                    why: why.clone(),
                });
                for result in results.iter().filter(|result| result.passed) {
                    self.passed.entry(result.workload.clone()).or_insert(wall_ms);
                }
            }
            _ => {}
        }
    }
}

/// Whose step it was: `{workload}.{rung}.{phase}[.{destination}]`.
fn hook_of(site: &Site, step: &str) -> Option<String> {
    let mut parts = step.split('.');
    let (workload, kind) = (parts.next()?, parts.next()?);
    let to = parts.nth(1);
    let workload = site.workloads.iter().find(|w| w.id == workload)?;
    let rung = workload
        .rungs
        .iter()
        .find(|r| r.kind.as_str() == kind && r.to.as_deref() == to)?;
    Some(site.hooks[rung.hook.at()].id.clone())
}
