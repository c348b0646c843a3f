//! The decision, looked at from every side: stateright lets everything happen in every order, within the bounds of a scene,
//! to the real `muster_core::step` with its policy and its plan, and every promise is looked at in every moment. Policies
//! that are wrong on purpose have to be found wrong, or the model would prove nothing.

mod act;
mod canonical;
mod doubt;
mod judge;
mod moment;
mod play;
mod promise;
mod receiver;
mod scene;
mod seen;
mod show;
mod site;
mod truth;
mod wrong;

use std::collections::BTreeSet;
use std::sync::Arc;

use muster::clock::Stopwatch;
use muster_core::Site;
use stateright::{Checker, HasDiscoveries, Model, Property};

use act::{Act, How};
use moment::Moment;
use scene::Scene;
use show::{Caught, Found, Report};
use truth::Signal;
use wrong::{Accused, Wrong};

/// A scene has far fewer states, repeated ones counted; one that does not end by then is a finding.
pub(crate) const MOST: usize = 1_000_000;

/// Steps within which every wrong policy goes wrong, the first moment counted.
const DEEPEST: usize = 10;

/// A scene, under the real policy or a wrong one.
#[derive(Clone)]
pub(crate) struct Checked {
    scene: Scene,
    site: Arc<Site>,
    wrong: Option<Wrong>,
}

impl Checked {
    fn new(scene: Scene, wrong: Option<Wrong>) -> Self {
        Self {
            site: site::site(scene.workloads, scene.supervision_ms, scene.armed),
            scene,
            wrong,
        }
    }

    fn detectors(&self, m: &Moment, acts: &mut Vec<Act>) {
        for c in self.scene.detectors.iter().copied() {
            let signal = &m.truth.signals[c];
            if m.left.alarms > 0 && *signal == Signal::Clear {
                acts.push(Act::Alarm(c));
            }
            if m.left.clears > 0 && *signal != Signal::Clear {
                acts.push(Act::Clear(c));
            }
            if m.left.nonsense > 0 && matches!(signal, Signal::Clear | Signal::Alarm) {
                acts.push(Act::Nonsense(c));
            }
        }
        if m.left.silences > 0 {
            let heard = |s: &usize| {
                let mut of = self.site.channels.iter().zip(&m.truth.signals);
                of.any(|(c, signal)| c.source.at() == *s && *signal != Signal::Silent)
            };
            acts.extend((0..self.site.sources.len()).filter(heard).map(Act::Silence));
        }
    }

    fn people(&self, m: &Moment, acts: &mut Vec<Act>) {
        if m.left.orders > 0 {
            for who in 0..self.scene.people {
                acts.extend(self.scene.verbs.iter().map(|verb| Act::Order(who, *verb)));
            }
        }
        if m.left.bypasses > 0 {
            acts.extend((0..self.site.sources.len()).map(Act::Bypass));
        }
    }

    fn machines(m: &Moment, acts: &mut Vec<Act>) {
        for (g, gateway) in m.gateways.iter().enumerate() {
            if !gateway.answers {
                acts.push(Act::Recover(g));
            } else if m.left.stalls > 0 {
                acts.push(Act::Stall(g));
            }
            if m.left.crashes > 0 && !gateway.paused {
                let unconfirmed = gateway.last_seq() - gateway.stored;
                acts.extend((0..=unconfirmed as usize).map(|kept| Act::Crash(g, kept)));
            }
            if gateway.paused {
                acts.push(Act::Resume(g));
            } else if m.left.pauses > 0 {
                acts.push(Act::Pause(g));
            }
        }
    }

    fn calls(&self, m: &Moment, acts: &mut Vec<Act>) {
        for (i, _) in m.wire.iter().enumerate().filter(|(_, sent)| self.is_slow(sent)) {
            acts.push(Act::Call(i, How::Well));
            if m.left.faults > 0 {
                acts.extend(How::FAULTS.iter().map(|how| Act::Call(i, *how)));
            }
        }
        for i in 0..m.receiver.running.len() {
            acts.push(Act::Finish(i, true));
            if m.left.faults > 0 {
                acts.push(Act::Finish(i, false));
            }
        }
        if m.left.far > 0 && !m.receiver.far_votes {
            acts.push(Act::FarVotes);
        }
    }
}

impl Model for Checked {
    type State = Moment;
    type Action = Act;

    fn init_states(&self) -> Vec<Moment> {
        vec![self.first()]
    }

    fn actions(&self, m: &Moment, acts: &mut Vec<Act>) {
        // Time first: of two ways that are equally short the one that waits is shown.
        if m.left.leaps > 0 && self.scene.until_ms.is_none_or(|until| m.truth.now < until) {
            acts.push(Act::Due);
        }
        if m.left.just_before > 0 && self.due(m) > m.truth.now + 1 {
            acts.push(Act::JustBefore);
        }
        self.detectors(m, acts);
        self.people(m, acts);
        Self::machines(m, acts);
        self.calls(m, acts);
    }

    fn next_state(&self, before: &Moment, act: Act) -> Option<Moment> {
        Some(self.after(before, &act))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all: Vec<Property<Self>> = Vec::new();
        macro_rules! kept {
            ($($promise:expr),* $(,)?) => {$(
                all.push(Property::always($promise, |_, m: &Moment| !m.has_broken($promise)));
            )*};
        }
        kept!(
            promise::GROUNDS,
            promise::TWO_GROUPS,
            promise::SILENCE,
            promise::ALARMED,
            promise::PEOPLE,
            promise::OBEYED,
            promise::ABORT,
            promise::LATCHED,
            promise::RESET,
            promise::INTENT,
            promise::ONCE,
            promise::FENCED,
            promise::RISING,
            promise::LEFT,
            promise::RETURNED,
            promise::PROMPT,
            promise::ENDS,
            promise::HOME,
            promise::SINGLY,
            promise::AWAY,
            promise::SOUND,
        );
        if self.wrong.is_none() {
            all.extend(
                seen::ALL
                    .iter()
                    .filter(|(name, _)| self.scene.sees.contains(name))
                    .map(|(name, is)| Property::sometimes(name, *is)),
            );
            if self.scene.until_ms.is_some() {
                all.push(Property::eventually(promise::COMES, |model: &Self, m| {
                    play::all_ended(m, &model.site)
                }));
            }
        }
        all
    }
}

/// The scenes that there are.
pub(crate) fn names() -> Vec<&'static str> {
    scene::ALL.iter().map(|scene| scene.name).collect()
}

/// Looks at every scene, and then for every wrong policy until it is found out. None: there is no such scene.
pub(crate) fn run(threads: usize, only: Option<&str>, most: usize) -> Option<Report> {
    let began = Stopwatch::start();
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let scenes = scene::ALL.iter().filter(|s| wanted(s.name));
    let found: Vec<Found> = scenes.map(|scene| check(*scene, (threads, most))).collect();
    let accused = wrong::ALL.iter().filter(|a| wanted(a.scene));
    let caught = accused.map(convict).collect();
    (!found.is_empty()).then(|| Report {
        found,
        caught,
        seconds: began.elapsed().as_secs_f64(),
    })
}

fn check(scene: Scene, (threads, most): (usize, usize)) -> Found {
    let began = Stopwatch::start();
    let model = Checked::new(scene, None);
    let checker = model
        .clone()
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(most)
        .spawn_dfs()
        .join();
    let failed = |name: &str| promise::ALWAYS.contains(&name) || name == promise::COMES;
    let broken = checker.discoveries().into_iter().filter(|(name, _)| failed(name));
    let broken: Vec<(String, Vec<String>)> = broken
        .map(|(name, path)| (name.to_owned(), model.told(path.into_vec())))
        .collect();
    let discovered: BTreeSet<&str> = checker.discoveries().into_keys().collect();
    let (seen, unseen) = scene.sees.iter().partition(|name| discovered.contains(*name));
    Found {
        scene: scene.name,
        words: scene.words,
        states: checker.unique_state_count(),
        generated: checker.state_count(),
        ended: checker.state_count() < most,
        depth: checker.max_depth(),
        seconds: began.elapsed().as_secs_f64(),
        kept: promise::ALWAYS.len() - broken.len(),
        broken,
        seen,
        unseen,
    }
}

fn convict(accused: &'static Accused) -> Caught {
    let began = Stopwatch::start();
    let scene = Scene::named(accused.scene).unwrap_or(scene::ALL[0]);
    let model = Checked::new(scene, Some(accused.wrong));
    let mut caught = Caught {
        accused,
        states: 0,
        seconds: 0.0,
        way: None,
    };
    // Deeper and deeper, so that the first way found is a shortest one.
    for depth in 2..=DEEPEST {
        let until = HasDiscoveries::AnyOf(BTreeSet::from([accused.breaks]));
        let checker = model
            .clone()
            .checker()
            .finish_when(until)
            .target_max_depth(depth)
            .spawn_bfs()
            .join();
        caught.states = checker.unique_state_count();
        caught.way = checker
            .discovery(accused.breaks)
            .map(|path| model.told(path.into_vec()));
        if caught.way.is_some() {
            break;
        }
    }
    caught.seconds = began.elapsed().as_secs_f64();
    caught
}

impl Checked {
    /// A way through the model, in words.
    fn told(&self, way: Vec<(Moment, Option<Act>)>) -> Vec<String> {
        let ends = way.iter().skip(1).map(|(m, _)| m.truth.now).collect::<Vec<_>>();
        let acts = way.iter().filter_map(|(m, act)| Some((m, act.as_ref()?)));
        acts.zip(ends)
            .map(|((m, act), at)| {
                let call = match act {
                    Act::Call(i, _) => m.wire.iter().nth(*i),
                    Act::Finish(i, _) => m.receiver.running.get(*i),
                    _ => None,
                };
                let call = call.map_or_else(String::new, |sent| format!("{} of gateway {}", sent.step, sent.by + 1));
                let (s, ms) = (at / 1_000, at % 1_000);
                format!("{s:>4}.{ms:03} s  {}", act.told(&self.site, &call))
            })
            .collect()
    }
}
