//! What every test of the decision stands on: a small site, and a gateway without any I/O.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers stand outside of `#[test]`, where .clippy.toml does not reach; a test may fail loudly"
)]

pub(crate) mod clock;
pub(crate) mod dice;
pub(crate) mod drilled;
pub(crate) mod power;
pub(crate) mod story;
pub(crate) mod turned;
pub(crate) mod witness;

use std::sync::Arc;

use muster_core::{
    Answer, Call, Channel, ChannelIx, Checks, Effect, Entry, Event, Group, GroupIx, Hook, HookIx, HookOutcome, Input,
    Level, Limit, Millis, Mode, Phase, Power, Principal, PrincipalIx, Priors, Record, Role, Rung, RungKind, Site,
    Source, SourceIx, State, StepEnd, Verb, Verdict, View, Workload, WorkloadIx, Zone, ZoneIx, next_deadline, step,
};
use muster_wire::{Absence, Micro, Quantity};
use witness::Witness;

pub(crate) const SECOND: Millis = 1_000;
pub(crate) const MINUTE: Millis = 60_000;
/// Two operators, two with the role safety, one without any.
pub(crate) const ANN: PrincipalIx = PrincipalIx(0);
pub(crate) const BOB: PrincipalIx = PrincipalIx(1);
pub(crate) const EVE: PrincipalIx = PrincipalIx(2);

pub(crate) const fn units(n: i64) -> Micro {
    Micro(n * 1_000_000)
}

/// A smoke channel: watch at 5, alarm at 10, clear below 8 (4), 2 of 3 samples, 10 s of supervision.
pub(crate) fn smoke(id: &str, zone: u16, group: u16, source: u16) -> Channel {
    let limit = |set, clear| {
        Some(Limit {
            set: units(set),
            clear: units(clear),
            above: true,
        })
    };
    Channel {
        id: id.into(),
        zone: ZoneIx(zone),
        group: GroupIx(group),
        source: SourceIx(source),
        quantity: Quantity::Smoke,
        range: (units(0), units(100)),
        watch: limit(5, 4),
        alarm: limit(10, 8),
        k: 2,
        n: 3,
        supervision_ms: 10 * SECOND,
        checks: Checks::default(),
    }
}

/// A UPS's contact or runtime on the source `ups`.
pub(crate) fn ups(id: &str, quantity: Quantity) -> Channel {
    let limit = Limit {
        set: units(1),
        clear: units(1),
        above: true,
    };
    let (low, high) = quantity.range_units();
    Channel {
        quantity,
        range: (units(low), units(high)),
        watch: (quantity == Quantity::OnBattery).then_some(limit),
        alarm: None,
        ..smoke(id, 0, 3, 3)
    }
}

/// Zones `a` and `b` are adjacent, `c` is far; groups and sources `n1`, `n2`, `n3` and `ups`. Channels: 0 `a1`, 1 `a2`
/// (groups n1, n2 in a), 2 `b2`, 3 `b3`, 4 `c3`, 5 `a1x` (n1 in a), 6 on battery, 7 runtime.
pub(crate) fn site() -> Site {
    let ids = ["n1", "n2", "n3", "ups"];
    let zone = |id: &str, adjacent: &[u16]| Zone {
        id: id.into(),
        adjacent: adjacent.iter().copied().map(ZoneIx).collect(),
    };
    Site {
        id: "s".into(),
        armed: true,
        simulated: false,
        single_group: false,
        zones: vec![zone("a", &[1]), zone("b", &[0]), zone("c", &[])],
        groups: ids.iter().map(|id| Group { id: (*id).into() }).collect(),
        sources: ids.iter().map(|id| source(id, &["mqtt"])).collect(),
        channels: vec![
            smoke("a1", 0, 0, 0),
            smoke("a2", 0, 1, 1),
            smoke("b2", 1, 1, 1),
            smoke("b3", 1, 2, 2),
            smoke("c3", 2, 2, 2),
            smoke("a1x", 0, 0, 0),
            ups("ob", Quantity::OnBattery),
            ups("rt", Quantity::Runtime),
        ],
        hooks: vec![hook("mover", 2), hook("stopper", 4)],
        workloads: vec![workload("db", 1, &[])],
        principals: vec![
            principal("ann", &[Role::Operator, Role::Safety]),
            principal("bob", &[Role::Operator, Role::Safety]),
            principal("eve", &[]),
        ],
        priors: Priors::default(),
        destinations: Vec::new(),
        power: Power::default(),
    }
}

pub(crate) fn source(id: &str, over: &[&str]) -> Source {
    Source {
        id: id.into(),
        over: over.iter().map(|o| (*o).into()).collect(),
    }
}

pub(crate) fn hook(id: &str, max_parallel: u16) -> Hook {
    Hook {
        id: id.into(),
        max_parallel,
        accepts_drill: true,
    }
}

fn principal(id: &str, roles: &[Role]) -> Principal {
    Principal {
        id: id.into(),
        roles: roles.to_vec(),
    }
}

pub(crate) fn rung(kind: RungKind, hook: u16, needs_s: i64) -> Rung {
    Rung {
        kind,
        hook: HookIx(hook),
        to: (kind == RungKind::Move).then(|| "far".into()),
        needs_ms: needs_s * SECOND,
    }
}

/// Moves in 100 s, fails over in 60 s, stops in 20 s.
pub(crate) fn workload(id: &str, tier: u8, after: &[u16]) -> Workload {
    Workload {
        id: id.into(),
        tier,
        runs_on: "r1".into(),
        after: after.iter().copied().map(WorkloadIx).collect(),
        rungs: vec![
            rung(RungKind::Move, 0, 100),
            rung(RungKind::Failover, 0, 60),
            rung(RungKind::Stop, 1, 20),
        ],
        room: 1,
    }
}

/// A gateway in virtual time. Every step of it is watched by the invariants.
pub(crate) struct Stand {
    pub state: State,
    /// The config file: what it starts with again.
    pub file: Site,
    /// Everything that came in.
    pub inputs: Vec<(Millis, Input)>,
    pub now: Millis,
    pub witness: Witness,
    pub calls: Vec<Call>,
    pub cancelled: Vec<String>,
    pub entries: Vec<Entry>,
    pub events: Vec<Event>,
    pub answers: Vec<Answer>,
    /// The journal answers at once.
    pub stores: bool,
}

impl Stand {
    pub(crate) fn new(site: Site) -> Self {
        Self::begun_at(0, site)
    }

    fn begun_at(now: Millis, site: Site) -> Self {
        let mut stand = Self {
            state: State::new(),
            file: site.clone(),
            inputs: Vec::new(),
            now,
            witness: Witness::new(site.clone()),
            calls: Vec::new(),
            cancelled: Vec::new(),
            entries: Vec::new(),
            events: Vec::new(),
            answers: Vec::new(),
            stores: true,
        };
        stand.input(&Input::Config(Arc::new(site)));
        stand
    }

    pub(crate) fn input(&mut self, input: &Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.inputs.push((self.now, input.clone()));
        step(&mut self.state, self.now, input, &mut out);
        self.witness.saw(self.now, input, &out, &self.state);
        let persists = out.iter().any(|e| matches!(e, Effect::Persist(_)));
        for effect in out.clone() {
            match effect {
                Effect::Persist(entry) => self.entries.push(entry),
                Effect::FireHook(call) => self.calls.push(call),
                Effect::CancelHook { step, .. } => self.cancelled.push(step),
                Effect::Event(event) => self.events.push(event),
                Effect::Answer(answer) => self.answers.push(answer),
                Effect::Fault(what) => panic!("{what}"),
            }
        }
        if persists && self.stores {
            out.extend(self.store());
        }
        out
    }

    /// The journal catches up.
    pub(crate) fn store(&mut self) -> Vec<Effect> {
        let through = self.entries.last().map_or(0, |e| e.seq);
        self.input(&Input::Stored { through })
    }

    /// Time passes; the gateway wakes when it said it would, and never spins.
    pub(crate) fn wait(&mut self, ms: Millis) {
        let end = self.now + ms;
        while let Some(due) = next_deadline(&self.state).filter(|due| *due <= end) {
            assert!(due > self.now, "due at {due}, and it is {} already", self.now);
            self.now = due;
            self.input(&Input::Tick);
        }
        self.now = end;
        self.input(&Input::Tick);
    }

    pub(crate) fn sample(&mut self, channel: u32, value: Result<Micro, Absence>) {
        self.input(&Input::Reading {
            channel: ChannelIx(channel),
            value,
            simulated: false,
            age_ms: 0,
        });
    }

    pub(crate) fn read(&mut self, channel: u32, value: i64) {
        self.sample(channel, Ok(units(value)));
    }

    /// Enough samples at one moment to pass every persistence.
    pub(crate) fn settle_at(&mut self, channel: u32, value: i64) {
        (0..3).for_each(|_| self.read(channel, value));
    }

    /// Keeps channels at these values for a while, a sample every 5 s.
    pub(crate) fn keep(&mut self, values: &[(u32, i64)], ms: Millis) {
        let end = self.now + ms;
        while self.now < end {
            values.iter().for_each(|(c, v)| self.read(*c, *v));
            self.wait((5 * SECOND).min(end - self.now));
        }
        values.iter().for_each(|(c, v)| self.read(*c, *v));
    }

    pub(crate) fn alarm(&mut self, channel: u32) {
        self.settle_at(channel, 20);
    }

    /// Two votes that count together, and the cordon confirmed.
    pub(crate) fn fire(&mut self) {
        self.alarm(0);
        self.alarm(1);
        self.answer_all(Phase::Prepare, &HookOutcome::Done);
    }

    pub(crate) fn order(&mut self, by: PrincipalIx, verb: Verb) -> Verdict {
        self.input(&Input::Order { by, verb, nonce: 1 });
        self.answers.last().expect("every order is answered").verdict
    }

    pub(crate) fn both(&mut self, verb: Verb) -> Verdict {
        assert_eq!(self.order(ANN, verb), Verdict::Pending);
        self.order(BOB, verb)
    }

    pub(crate) fn answer(&mut self, step: &str, outcome: HookOutcome) {
        let call = self.calls.iter().rev().find(|c| c.step == step);
        let call = call.unwrap_or_else(|| panic!("{step} was never called: {:?}", self.called()));
        let (incident, mode) = (call.incident.clone(), call.mode);
        self.input(&Input::Hook {
            incident,
            step: step.into(),
            mode,
            outcome,
        });
    }

    pub(crate) fn done(&mut self, step: &str) {
        self.answer(step, HookOutcome::Done);
    }

    /// Answers every call of a phase that is under way.
    pub(crate) fn answer_all(&mut self, phase: Phase, outcome: &HookOutcome) {
        let steps = self.view().incident.map_or_else(Vec::new, |i| i.steps);
        for step in steps.iter().filter(|s| s.phase == phase && s.state == "called") {
            self.answer(&step.id, outcome.clone());
        }
    }

    pub(crate) fn view(&self) -> View {
        self.state.view(self.now)
    }

    pub(crate) fn level(&self) -> Level {
        self.state.level()
    }

    /// Level of a zone.
    pub(crate) fn zone(&self, zone: usize) -> Level {
        self.view().zones[zone].level
    }

    /// Latched votes: zone, group, held.
    pub(crate) fn votes(&self) -> Vec<(String, String, bool)> {
        let votes = self.view().votes;
        votes.into_iter().map(|v| (v.zone, v.group, v.held)).collect()
    }

    pub(crate) fn troubles(&self) -> Vec<String> {
        self.view().troubles.into_iter().map(|t| t.subject).collect()
    }

    /// Steps called so far, without retries.
    pub(crate) fn called(&self) -> Vec<String> {
        let first = self.calls.iter().filter(|c| c.attempt == 1);
        first.map(|c| c.step.clone()).collect()
    }

    pub(crate) fn attempts(&self, step: &str) -> usize {
        self.calls.iter().filter(|c| c.step == step).count()
    }

    pub(crate) fn workload(&self, id: &str) -> String {
        let incident = self.view().incident.expect("an incident");
        incident.workloads.into_iter().find(|w| w.id == id).expect("it").state
    }

    pub(crate) fn ended(&self, step: &str) -> Option<StepEnd> {
        self.entries.iter().rev().find_map(|e| match &e.record {
            Record::StepEnded { step: s, end, .. } if s == step => Some(*end),
            _ => None,
        })
    }

    pub(crate) fn modes(&self) -> Vec<Mode> {
        self.calls.iter().map(|c| c.mode).collect()
    }

    /// Another config file, if it is not refused.
    pub(crate) fn reload(&mut self, site: Site) -> Result<(), String> {
        if let Some(why) = self.state.refuses(&site) {
            return Err(why);
        }
        self.file = site.clone();
        self.input(&Input::Config(Arc::new(site)));
        Ok(())
    }

    /// Dies, and starts again with what the journal holds up to a sequence.
    pub(crate) fn restart(&self, through: u64) -> Self {
        let kept: Vec<Entry> = self.entries.iter().filter(|e| e.seq <= through).cloned().collect();
        let mut next = Self::begun_at(self.now, self.file.clone());
        next.entries.clone_from(&kept);
        next.witness.remembers(&kept);
        next.input(&Input::Restore(kept));
        next
    }
}
