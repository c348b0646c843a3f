//! What hooks were sent for workloads, and have not been asked to undo or have not undone: over incidents, resets, restarts and
//! retention. It follows from the entries of the journal alone, and names things by id: live, after a restart and in what
//! retention leaves behind it is the same.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{Mode, Phase, Record, RungKind, Site, StepEnd, Verb, Workload};

/// Workloads that are remembered. A site has at most 65,535; the rest are of other configs.
const MOST: usize = 1 << 17;

/// Rungs that are remembered of one: a ladder has fewer, and hooks are given another id now and then.
const MOST_SENT: usize = 64;

/// Workloads that hooks were sent something for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Away {
    /// For real, by workload id.
    live: BTreeMap<String, Gone>,
    /// As a rehearsal: of the last incident alone, because nothing has really moved.
    drill: BTreeMap<String, Gone>,
    /// Steps that have not ended, by id.
    open: BTreeMap<String, Open>,
    /// n of the last incident that opened.
    pub(crate) incident: u32,
    /// Low half of its highest token.
    pub(crate) intents: u32,
}

/// One workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Gone {
    /// n of the incident in which it was sent away last.
    pub(crate) incident: u32,
    pub(crate) at: Whereabouts,
    /// What hooks were sent and have not undone, the last one last. Of what is away the last one took it there.
    sent: Vec<Sent>,
}

/// Where it is, as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) enum Whereabouts {
    /// At home; or nobody knows better.
    #[default]
    Here,
    /// Its hook said that it is done, and its probe has not said so yet.
    Left,
    /// Elsewhere or stopped, as its probe said.
    Safe,
}

/// A rung whose hook was sent something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct Sent {
    kind: RungKind,
    to: Option<String>,
    /// Hook id; none in a journal of core 5.
    hook: Option<String>,
    back: Back,
    /// Why it could not be undone by the last order.
    pub(crate) failed: Option<String>,
    /// Then it was asked whether somebody else has brought it home.
    asked: bool,
}

/// How far its undoing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
enum Back {
    Due,
    /// It has been told to, and nobody knows whether it did.
    Going,
    /// It has, and its probe has not said so yet.
    Brought,
}

/// A step that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
struct Open {
    workload: String,
    mode: Mode,
    phase: Phase,
    /// The rung it is of.
    kind: RungKind,
    to: Option<String>,
    /// It asks at home.
    home: bool,
}

/// What is to be done next to bring a workload home.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due<'a> {
    Restore(&'a Sent),
    /// Whether it runs at home.
    Ask(&'a Sent),
}

impl Away {
    /// Takes the next entry.
    pub fn take(&mut self, record: &Record) {
        match record {
            Record::IncidentOpened { n, .. } => self.opens(*n),
            Record::StepIntent { .. } => self.begins(record),
            Record::StepEnded { step, end, note } => self.ends(step, *end, note),
            Record::OrderTaken { verb: Verb::Return, .. } => {
                let all = self.live.values_mut().chain(self.drill.values_mut());
                all.flat_map(|gone| &mut gone.sent).for_each(Sent::again);
            }
            Record::IncidentClosed { .. } | Record::ReturnEnded { .. } if self.is_empty() => *self = Self::default(),
            _ => {}
        }
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.drill.is_empty() && self.open.is_empty()
    }

    pub(crate) fn of(&self, mode: Mode) -> &BTreeMap<String, Gone> {
        match mode {
            Mode::Live => &self.live,
            Mode::Drill => &self.drill,
        }
    }

    fn of_mut(&mut self, mode: Mode) -> &mut BTreeMap<String, Gone> {
        match mode {
            Mode::Live => &mut self.live,
            Mode::Drill => &mut self.drill,
        }
    }

    /// One that left for real before the last incident opened, and was not heard at home since.
    pub(crate) fn believed(&self, workload: &str) -> Option<&Gone> {
        let gone = self.live.get(workload)?;
        (gone.is_away() && self.left_before(gone)).then_some(gone)
    }

    /// Whether it left before the last incident opened.
    pub(crate) fn left_before(&self, gone: &Gone) -> bool {
        gone.incident != self.incident
    }

    /// What is on its way, or was told to come and not heard of again, counts as at home: it is saved anew.
    fn opens(&mut self, n: u32) {
        self.drill.clear();
        self.open.clear();
        (self.incident, self.intents) = (n, 0);
        for gone in self.live.values_mut() {
            if !gone.is_away() {
                gone.at = Whereabouts::Here;
            }
            for sent in &mut gone.sent {
                sent.again();
                sent.back = Back::Due;
            }
        }
    }

    fn begins(&mut self, record: &Record) {
        let Record::StepIntent {
            step,
            workload,
            phase,
            mode,
            token,
            hook,
            ..
        } = record
        else {
            return;
        };
        self.intents = self.intents.max((*token & u64::from(u32::MAX)) as u32);
        let Some((kind, to)) = rung_in(step, workload, *phase) else {
            return;
        };
        let (n, all) = (self.incident, self.of_mut(*mode));
        if all.len() >= MOST && !all.contains_key(workload) {
            return;
        }
        let gone = all.entry(workload.clone()).or_default();
        let left_before =
            gone.incident != n && gone.is_away() && gone.taken().is_some_and(|sent| !sent.is_of(kind, &to));
        let home = *phase == Phase::Verify && (gone.asks_home(kind) || left_before);
        gone.begins(n, *phase, (kind, &to, hook));
        let open = Open {
            workload: workload.clone(),
            mode: *mode,
            phase: *phase,
            kind,
            to,
            home,
        };
        self.open.insert(step.clone(), open);
    }

    fn ends(&mut self, step: &str, end: StepEnd, note: &str) {
        let Some(open) = self.open.remove(step) else {
            return;
        };
        let all = self.of_mut(open.mode);
        let Some(gone) = all.get_mut(&open.workload) else {
            return;
        };
        gone.ended(&open, end, note);
        if gone.sent.is_empty() {
            all.remove(&open.workload);
        }
    }
}

impl Gone {
    /// Surely: nothing has been sent since that may have brought it home.
    pub(crate) fn is_away(&self) -> bool {
        self.at != Whereabouts::Here && self.taken().is_some_and(|sent| sent.back == Back::Due)
    }

    /// What took it away, of what is away.
    pub(crate) fn taken(&self) -> Option<&Sent> {
        self.sent.last()
    }

    /// Whether its probe at home has had its last word, for this incident or this order.
    pub(crate) fn is_answered(&self) -> bool {
        self.taken().is_some_and(|sent| sent.asked)
    }

    /// Why it is not home, if it was tried.
    pub(crate) fn failed(&self) -> Option<&str> {
        self.sent.iter().rev().find_map(|sent| sent.failed.as_deref())
    }

    /// Whether anything is to be undone that can be, tried or not.
    pub(crate) fn remains(&self, known: impl Fn(&Sent) -> bool) -> bool {
        if self.at == Whereabouts::Here {
            return self.sent.iter().any(known);
        }
        self.taken().is_some_and(known)
    }

    /// What is to be done next: what was sent last is undone first, and each is asked for before the next. What does not come
    /// home by what took it away keeps the rest as it is.
    pub(crate) fn due(&self, known: impl Fn(&Sent) -> bool) -> Option<Due<'_>> {
        let mut back = self.sent.iter().rev().filter(|sent| known(sent));
        if let Some(brought) = back.clone().find(|sent| sent.back == Back::Brought) {
            return Some(Due::Ask(brought));
        }
        if self.at != Whereabouts::Here {
            let taken = self.taken().filter(|sent| known(sent))?;
            return match &taken.failed {
                None => Some(Due::Restore(taken)),
                Some(_) => (!taken.asked).then_some(Due::Ask(taken)),
            };
        }
        back.find(|sent| sent.failed.is_none()).map(Due::Restore)
    }

    fn begins(&mut self, n: u32, phase: Phase, (kind, to, hook): (RungKind, &Option<String>, &Option<String>)) {
        match phase {
            Phase::Prepare => self.sends((kind, to, hook), false),
            Phase::Evacuate => {
                (self.at, self.incident) = (Whereabouts::Here, n);
                self.sends((kind, to, hook), true);
            }
            Phase::Restore => self.of_rung(kind, to).for_each(|sent| sent.back = Back::Going),
            Phase::Verify => {}
        }
    }

    /// Notes that a rung's hook was sent something. What took it away stays the last.
    fn sends(&mut self, (kind, to, hook): (RungKind, &Option<String>, &Option<String>), takes: bool) {
        self.sent.retain(|sent| !(sent.is_of(kind, to) && sent.hook == *hook));
        let sent = Sent {
            kind,
            to: to.clone(),
            hook: hook.clone(),
            back: Back::Due,
            failed: None,
            asked: false,
        };
        if self.sent.len() >= MOST_SENT {
            self.sent.remove(0);
        }
        let away = usize::from(!takes && self.at != Whereabouts::Here);
        self.sent.insert(self.sent.len().saturating_sub(away), sent);
    }

    /// Items of a rung; more than one where its hook was another before.
    fn of_rung(&mut self, kind: RungKind, to: &Option<String>) -> impl Iterator<Item = &mut Sent> {
        self.sent.iter_mut().filter(move |sent| sent.is_of(kind, to))
    }

    /// Whether a probe of this kind asks at home now: what its hook said that it has brought, or could not bring.
    fn asks_home(&self, kind: RungKind) -> bool {
        let asks = |sent: &Sent| sent.kind == kind && (sent.back == Back::Brought || sent.failed.is_some());
        self.sent.iter().any(asks)
    }

    fn ended(&mut self, open: &Open, end: StepEnd, note: &str) {
        match (open.phase, end) {
            (Phase::Verify, end) if open.home => self.answered(open.kind, end),
            (Phase::Prepare | Phase::Evacuate, StepEnd::Skipped) => {
                self.sent.retain(|sent| !sent.is_of(open.kind, &open.to));
            }
            (Phase::Prepare, _) => {}
            // Refused: somebody with a higher token has it.
            (Phase::Evacuate, StepEnd::Done | StepEnd::Refused) => self.at = Whereabouts::Left,
            (Phase::Verify, StepEnd::Done) => self.at = Whereabouts::Safe,
            // What its rung did stands; it has not been asked.
            (Phase::Verify, StepEnd::Refused | StepEnd::Withdrawn) => {}
            (Phase::Evacuate | Phase::Verify, _) => self.at = Whereabouts::Here,
            // Refused: somebody with a higher token brings it home.
            (Phase::Restore, StepEnd::Done | StepEnd::Refused) => {
                self.of_rung(open.kind, &open.to)
                    .for_each(|sent| sent.back = Back::Brought);
            }
            (Phase::Restore, StepEnd::Withdrawn) => {}
            (Phase::Restore, _) => self.of_rung(open.kind, &open.to).for_each(|sent| {
                (sent.back, sent.failed) = (Back::Due, Some(note.to_string()));
            }),
        }
    }

    /// What its probe at home has said. The rung is the one that was brought, or could not be, or took it away in an earlier
    /// incident: its id does not say where to.
    fn answered(&mut self, kind: RungKind, end: StepEnd) {
        let brought = |sent: &Sent| sent.kind == kind && sent.back == Back::Brought;
        let failed = |sent: &Sent| sent.kind == kind && sent.failed.is_some() && !sent.asked;
        let at = self.sent.iter().rposition(brought);
        let at = at.or_else(|| self.sent.iter().rposition(failed));
        let took = || {
            self.is_away()
                .then(|| self.sent.len() - 1)
                .filter(|at| self.sent[*at].kind == kind)
        };
        let Some(at) = at.or_else(took) else {
            return;
        };
        match end {
            StepEnd::Done => {
                if at + 1 == self.sent.len() {
                    self.at = Whereabouts::Here;
                }
                self.sent.remove(at);
            }
            StepEnd::Withdrawn => {}
            _ => self.sent[at].asked = true,
        }
    }
}

impl Sent {
    fn is_of(&self, kind: RungKind, to: &Option<String>) -> bool {
        self.kind == kind && self.to == *to
    }

    /// What it did, in words.
    pub(crate) fn words(&self) -> String {
        match &self.to {
            Some(to) => format!("{} to {to}", self.kind),
            None => self.kind.to_string(),
        }
    }

    /// By another order it is tried again.
    fn again(&mut self) {
        (self.failed, self.asked) = (None, false);
    }

    /// Its rung in a ladder: by the same hook, or by whichever goes there now.
    pub(crate) fn rung_in(&self, site: &Site, workload: &Workload) -> Option<u8> {
        let rungs = || {
            (0u8..)
                .zip(&workload.rungs)
                .filter(|(_, rung)| self.is_of(rung.kind, &rung.to))
        };
        let same = |hook: &String| rungs().find(|(_, rung)| site.hooks[rung.hook.at()].id == *hook);
        let found = self.hook.as_ref().and_then(same).or_else(|| rungs().next());
        found.map(|(at, _)| at)
    }
}

/// What a rung does and where to, of a step's id: `{workload}.{rung}.{phase}[.{destination}]`.
fn rung_in(step: &str, workload: &str, phase: Phase) -> Option<(RungKind, Option<String>)> {
    let (kind, rest) = step.strip_prefix(workload)?.strip_prefix('.')?.split_once('.')?;
    let kinds = [RungKind::Move, RungKind::Failover, RungKind::Stop];
    let kind = kinds.into_iter().find(|known| known.as_str() == kind)?;
    let to = rest.strip_prefix(phase.as_str())?;
    if to.is_empty() {
        return Some((kind, None));
    }
    to.strip_prefix('.').map(|to| (kind, Some(to.to_string())))
}
