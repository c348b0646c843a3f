//! Lets things happen.

use std::sync::Arc;

use muster_core::{
    ChannelIx, Effect, Entry, HookOutcome, Input, Millis, PrincipalIx, Record, Site, SourceIx, State, Target, Verb,
    next_deadline,
};
use muster_wire::Absence;

use super::Checked;
use super::act::{Act, How};
use super::judge::Judge;
use super::moment::{Gateway, Moment};
use super::promise;
use super::receiver::{Receiver, Said, Sent};
use super::site::{ALARM, CLEAR, LOSS_MS, SAMPLES};
use super::truth::{Signal, Truth};
use super::wrong::{self, Memory, Wrong};

/// Two seconds from the second vote to the first hook (design §11).
const PROMPT_MS: Millis = 2_000;
/// A cordon, a probe and a disk that does not answer may take this long when the runway is over.
const GRACE_MS: Millis = 4_000;
/// The longest bypass that is given here.
const BYPASS_MS: Millis = 3_600_000;

impl Checked {
    pub(crate) fn first(&self) -> Moment {
        let gateway = Gateway {
            core: State::new(),
            memory: Memory::default(),
            judge: Judge::default(),
            disk: Vec::new(),
            stored: 0,
            answers: true,
            paused: false,
            died_at: None,
        };
        let receiver = Receiver::new(self.wrong != Some(Wrong::TokenUnchecked));
        let truth = Truth::new(self.site.channels.len(), self.site.sources.len());
        let gateways = vec![gateway; self.scene.gateways];
        let mut m = Moment::new(
            truth,
            gateways,
            receiver,
            (self.scene.left, self.scene.until_ms.is_some()),
        );
        for g in 0..m.gateways.len() {
            self.feed(&mut m, g, &Input::Config(Arc::clone(&self.site)));
        }
        // Everything has been heard of.
        self.pass(&mut m, 1);
        if self.scene.burning {
            self.show(&mut m, 0, Signal::Alarm);
            self.show(&mut m, 2, Signal::Alarm);
            self.answer_all(&mut m);
        }
        if self.scene.away {
            for verb in [Verb::Evacuate, Verb::Reset] {
                (0..2).for_each(|who| self.order(&mut m, who, verb));
                self.answer_all(&mut m);
            }
        }
        m.sealed()
    }

    pub(crate) fn after(&self, before: &Moment, act: &Act) -> Moment {
        let mut m = before.clone();
        self.happen(&mut m, act);
        self.answer_all(&mut m);
        for g in 0..m.gateways.len() {
            self.look(&mut m, g);
        }
        m.sealed()
    }

    fn happen(&self, m: &mut Moment, act: &Act) {
        match act {
            Act::Due => {
                m.left.leaps -= u8::from(!m.ends);
                let to = self.due(m);
                self.pass(m, to);
            }
            Act::JustBefore => {
                m.left.just_before -= 1;
                let to = self.due(m) - 1;
                self.pass(m, to);
            }
            Act::Alarm(c) => {
                m.left.alarms -= 1;
                self.show(m, *c, Signal::Alarm);
            }
            Act::Clear(c) => {
                m.left.clears -= 1;
                self.show(m, *c, Signal::Clear);
            }
            Act::Nonsense(c) => {
                m.left.nonsense -= 1;
                self.show(m, *c, Signal::Nonsense);
            }
            Act::Silence(s) => {
                m.left.silences -= 1;
                self.silence(m, *s);
            }
            Act::Order(who, verb) => {
                m.left.orders -= 1;
                self.order(m, *who, *verb);
            }
            Act::Bypass(s) => {
                m.left.bypasses -= 1;
                m.truth.bypassed[*s] = Some((m.truth.now, m.truth.now + BYPASS_MS));
                let bypass = Input::Bypass {
                    by: PrincipalIx(0),
                    target: Target::Source(SourceIx(*s as u16)),
                    until: Some(m.truth.now + BYPASS_MS),
                    reason: "replaced".into(),
                    nonce: 0,
                };
                self.tell(m, &bypass);
            }
            _ => self.mechanism(m, act),
        }
    }

    /// What machines do.
    fn mechanism(&self, m: &mut Moment, act: &Act) {
        match act {
            Act::Stall(g) => {
                m.left.stalls -= 1;
                m.gateways[*g].answers = false;
            }
            Act::Recover(g) => {
                m.gateways[*g].answers = true;
                self.store(m, *g);
            }
            Act::Crash(g, kept) => {
                m.left.crashes -= 1;
                self.crash(m, *g, *kept);
            }
            Act::Call(i, how) => self.call(m, *i, *how),
            Act::Finish(i, well) => {
                m.left.faults -= u8::from(!well);
                let (sent, said, broken) = m.receiver.finish(*i, *well);
                self.answered(m, &sent, (said, broken));
            }
            Act::FarVotes => {
                m.left.far -= 1;
                m.receiver.far_votes = true;
            }
            Act::Pause(g) => {
                m.left.pauses -= 1;
                m.gateways[*g].paused = true;
            }
            Act::Resume(g) => {
                m.gateways[*g].paused = false;
                m.gateways[*g].judge.free_since = m.truth.now;
                self.hear(m, *g);
            }
            _ => {}
        }
    }

    /// When the next thing is due. Detectors are heard often enough to count as heard.
    pub(crate) fn due(&self, m: &Moment) -> Millis {
        let awake = m.gateways.iter().filter(|g| !g.paused);
        let due = awake.filter_map(|g| next_deadline(&g.core)).min();
        let beat = m.truth.now + self.scene.supervision_ms / 2;
        due.map_or(beat, |due| due.min(beat))
    }

    /// Time passes; every detector that can be heard is heard, and then the gateways wake.
    fn pass(&self, m: &mut Moment, to: Millis) {
        m.truth.now = to;
        for g in 0..m.gateways.len() {
            if !m.gateways[g].paused {
                self.hear(m, g);
            }
        }
    }

    fn hear(&self, m: &mut Moment, g: usize) {
        for c in 0..m.truth.signals.len() {
            self.sample(m, g, c);
        }
        self.feed(m, g, &Input::Tick);
    }

    fn sample(&self, m: &mut Moment, g: usize, c: usize) {
        let value = match m.truth.signals[c] {
            Signal::Clear => Ok(CLEAR),
            Signal::Alarm => Ok(ALARM),
            Signal::Nonsense => Err(Absence::Crc),
            Signal::Silent => return,
        };
        let reading = Input::Reading {
            channel: ChannelIx(c as u32),
            value,
            simulated: false,
            age_ms: 0,
        };
        self.feed(m, g, &reading);
    }

    fn show(&self, m: &mut Moment, c: usize, signal: Signal) {
        m.truth.show(c, signal);
        for g in 0..m.gateways.len() {
            for _ in 0..SAMPLES {
                if !m.gateways[g].paused {
                    self.sample(m, g, c);
                }
            }
        }
    }

    /// Where the broker tells of silence it does so at once; else the age tells, later.
    fn silence(&self, m: &mut Moment, s: usize) {
        for (c, channel) in self.site.channels.iter().enumerate() {
            if channel.source.at() == s {
                m.truth.show(c, Signal::Silent);
            }
        }
        if !self.scene.silence_by_age {
            let source = SourceIx(s as u16);
            let why = "its connection is gone".into();
            self.tell(m, &Input::Lost { source, why });
        }
    }

    /// To every gateway that runs.
    fn tell(&self, m: &mut Moment, input: &Input) {
        for g in 0..m.gateways.len() {
            if !m.gateways[g].paused {
                self.feed(m, g, input);
            }
        }
    }

    fn order(&self, m: &mut Moment, who: usize, verb: Verb) {
        let id = &self.site.principals[who].id;
        m.truth.say(id, verb);
        let needed: Vec<Option<Abortable>> = m.gateways.iter().map(abortable).collect();
        let by = PrincipalIx(who as u16);
        self.tell(m, &Input::Order { by, verb, nonce: 0 });
        if verb == Verb::Abort {
            obeys_abort(m, id, &needed);
        }
        let ahead = match verb {
            Verb::Cut { at } => at > m.truth.now,
            _ => verb == Verb::Evacuate,
        };
        if ahead && m.truth.said_by(verb) >= 2 {
            m.truth.heard(verb);
            for gateway in m.gateways.iter_mut().filter(|g| !g.paused) {
                let obeyed = gateway.judge.grounds.is_some() && !gateway.judge.aborted;
                gateway.judge.require(obeyed, promise::OBEYED);
            }
        }
        if verb == Verb::Reset && m.gateways.iter().all(|g| !g.judge.open) {
            m.truth.forget();
        }
    }

    /// One input of one gateway, and what the engine does with the effects.
    fn feed(&self, m: &mut Moment, g: usize, input: &Input) {
        let now = m.truth.now;
        let gateway = &mut m.gateways[g];
        let mut out = Vec::new();
        wrong::decide(
            self.wrong,
            (&mut gateway.core, &mut gateway.memory),
            now,
            input,
            &mut out,
        );
        if let Input::Stored { through } = input {
            gateway.stored = gateway.stored.max(*through);
        }
        let about = (&*self.site, &m.truth);
        gateway.judge.saw(about, (input, gateway.stored), &out, &gateway.core);
        for effect in out {
            match effect {
                Effect::Persist(entry) => {
                    if matches!(entry.record, Record::IncidentClosed { .. }) {
                        m.receiver.begins_anew();
                    }
                    gateway.disk.push(Arc::new(entry));
                }
                Effect::FireHook(call) => {
                    m.wire
                        .insert(Sent::new(g, &call, gateway.judge.token_of(&call.step, call.mode)));
                }
                // What is on its way is not called back.
                Effect::CancelHook { .. } | Effect::Event(_) | Effect::Answer(_) | Effect::Fault(_) => {}
            }
        }
        if m.gateways[g].answers {
            self.store(m, g);
        }
    }

    fn store(&self, m: &mut Moment, g: usize) {
        let through = m.gateways[g].last_seq();
        if through > m.gateways[g].stored {
            self.feed(m, g, &Input::Stored { through });
        }
    }

    /// The process dies; another begins with what the disk holds.
    fn crash(&self, m: &mut Moment, g: usize, unconfirmed: usize) {
        let gateway = &mut m.gateways[g];
        gateway.died_at = Some(at_what(gateway));
        let through = gateway.stored;
        let mut spare = unconfirmed;
        gateway.disk.retain(|entry| {
            let kept = entry.seq <= through || spare > 0;
            spare = spare.saturating_sub(usize::from(entry.seq > through));
            kept
        });
        gateway.stored = gateway.last_seq();
        gateway.answers = true;
        gateway.memory = Memory::default();
        gateway.core = State::new();
        let (site, now) = (Arc::clone(&self.site), m.truth.now);
        let mut unheard = Vec::new();
        wrong::decide(
            self.wrong,
            (&mut gateway.core, &mut gateway.memory),
            now,
            &Input::Config(site),
            &mut unheard,
        );
        let kept: Vec<Entry> = gateway.disk.iter().map(|entry| Entry::clone(entry)).collect();
        m.truth.forget();
        gateway.judge.begins_anew((&self.site, &m.truth), &kept);
        self.feed(m, g, &Input::Restore(kept));
    }

    fn call(&self, m: &mut Moment, i: usize, how: How) {
        let Some(sent) = m.wire.iter().nth(i).cloned() else {
            return;
        };
        m.left.faults -= u8::from(how != How::Well);
        if how != How::Twice {
            m.wire.remove(&sent);
        }
        let said = match how {
            How::Well | How::Twice => m.receiver.take(&sent, false),
            How::Slowly => m.receiver.take(&sent, true),
            How::Cannot => (Said::Cannot, None),
            How::Unheard => {
                let (_, broken) = m.receiver.take(&sent, false);
                return self.fails(m, &sent, broken);
            }
            How::Fails => return self.fails(m, &sent, None),
        };
        self.answered(m, &sent, said);
    }

    fn fails(&self, m: &mut Moment, sent: &Sent, broken: Option<&'static str>) {
        let cause = "no answer".into();
        self.outcome(m, sent, (HookOutcome::Retry { cause }, broken));
    }

    fn answered(&self, m: &mut Moment, sent: &Sent, (said, broken): (Said, Option<&'static str>)) {
        let outcome = match said {
            Said::Done => HookOutcome::Done,
            Said::Accepted => HookOutcome::Accepted,
            Said::Cannot => HookOutcome::Cannot { note: "no".into() },
            Said::Refused => HookOutcome::TokenRefused,
        };
        self.outcome(m, sent, (outcome, broken));
    }

    fn outcome(&self, m: &mut Moment, sent: &Sent, (outcome, broken): (HookOutcome, Option<&'static str>)) {
        let gateway = &mut m.gateways[sent.by];
        if let Some(promise) = broken {
            gateway.judge.require(false, promise);
        }
        if gateway.paused {
            return;
        }
        if matches!(outcome, HookOutcome::Cannot { .. }) {
            gateway.judge.cannot(&sent.step, sent.mode());
        }
        let input = Input::Hook {
            incident: sent.incident.clone(),
            step: sent.step.clone(),
            mode: sent.mode(),
            outcome,
        };
        self.feed(m, sent.by, &input);
    }

    /// Whether a call's fate is a matter of chance.
    pub(crate) fn is_slow(&self, sent: &Sent) -> bool {
        self.scene.slow.contains(&sent.rung.phase)
    }

    /// All others are answered at once.
    fn answer_all(&self, m: &mut Moment) {
        while let Some(i) = m.wire.iter().position(|sent| !self.is_slow(sent)) {
            self.call(m, i, How::Well);
        }
    }

    /// What has to be so by now.
    fn look(&self, m: &mut Moment, g: usize) {
        let (now, gateway) = (m.truth.now, &mut m.gateways[g]);
        let judge = &mut gateway.judge;
        judge.compare((&self.site, now), &gateway.core);
        if gateway.paused || !judge.is_free(now) || now < judge.free_since + PROMPT_MS {
            return;
        }
        let over = judge
            .deadline(LOSS_MS)
            .is_some_and(|at| at.max(judge.free_since) + GRACE_MS <= now);
        let incident = gateway.core.view(now).incident;
        for workload in incident.into_iter().flat_map(|i| i.workloads) {
            judge.require(workload.state != "waiting", promise::PROMPT);
            let ended = workload.rung == muster_core::RungKind::Stop || has_ended(&workload.state);
            judge.require(!over || ended, promise::ENDS);
        }
    }
}

/// What an abort could stop, and how many people that takes.
struct Abortable {
    evacuating: bool,
    people: usize,
}

fn abortable(gateway: &Gateway) -> Option<Abortable> {
    let judge = &gateway.judge;
    let evacuating = judge.grounds.is_some() && !judge.aborted;
    let any = !gateway.paused && (evacuating || !judge.windows.is_empty());
    any.then_some(Abortable {
        evacuating,
        people: if evacuating { 2 } else { 1 },
    })
}

/// If there was something to abort and enough people have spoken, nothing of it goes on.
fn obeys_abort(m: &mut Moment, who: &str, before: &[Option<Abortable>]) {
    let spoke = m.truth.said_by(Verb::Abort);
    let enough = |a: &Abortable| spoke >= a.people;
    for (gateway, before) in m.gateways.iter_mut().zip(before) {
        if let Some(before) = before.as_ref().filter(|a| enough(a)) {
            let obeyed = gateway.judge.windows.is_empty() && (gateway.judge.aborted || !before.evacuating);
            gateway.judge.require(obeyed, promise::OBEYED);
        }
    }
    if before.iter().flatten().any(enough) {
        m.truth.heard(Verb::Abort);
    } else if before.iter().all(Option::is_none) {
        m.truth.refused(who, Verb::Abort);
    }
}

fn has_ended(state: &str) -> bool {
    matches!(state, "moved" | "stopped" | "stranded" | "skipped")
}

/// What a gateway is at, for whoever asks at what it died.
pub(crate) fn at_what(gateway: &Gateway) -> &'static str {
    let judge = &gateway.judge;
    if judge.aborted {
        return "aborted";
    }
    if judge.grounds.is_none() {
        return match (judge.windows.is_empty(), judge.open) {
            (false, _) => "window",
            (true, true) => "prepare",
            (true, false) => "quiet",
        };
    }
    let states: Vec<String> = works(gateway).collect();
    if states.iter().any(|s| s == "moving") {
        "moving"
    } else if states.iter().all(|s| has_ended(s)) {
        "ended"
    } else {
        "cordon"
    }
}

/// How far each workload is.
pub(crate) fn works(gateway: &Gateway) -> impl Iterator<Item = String> + use<> {
    let incident = gateway.core.view(0).incident;
    incident.into_iter().flat_map(|i| i.workloads).map(|w| w.state)
}

/// Whether every ladder has ended, or nothing is to be done.
pub(crate) fn all_ended(m: &Moment, site: &Site) -> bool {
    let ended = |g: &Gateway| {
        let free = g.judge.grounds.is_some() && !g.judge.aborted;
        let rungs = g.core.view(m.truth.now).incident.into_iter().flat_map(|i| i.workloads);
        let last = |w: muster_core::WorkloadView| w.rung == muster_core::RungKind::Stop || has_ended(&w.state);
        g.paused || !free || rungs.into_iter().all(last)
    };
    !site.workloads.is_empty() && m.gateways.iter().all(ended)
}
