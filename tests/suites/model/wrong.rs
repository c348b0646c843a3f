//! Policies that are wrong on purpose, to see that the model finds them out. Each changes what goes into the real core or
//! what comes out of it; the core itself knows nothing of them.

use std::sync::Arc;

use muster_core::{
    ChannelIx, Effect, Entry, Group, GroupIx, HookOutcome, Input, Millis, Phase, PrincipalIx, Record, Site, State,
    Verb, step,
};
use muster_wire::Micro;
use serde::Serialize;

use super::judge::{RETURN_MS, SICK_MS, WINDOW_MS};
use super::promise;
use super::site::{ALARM, CLEAR, SAMPLES};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    QuorumOnly,
    DeafToCuts,
    DeafToAborts,
    SilenceEvacuates,
    WindowAtOnce,
    WindowForAnyVote,
    WindowReopens,
    ReturnsAtOnce,
    NoToken,
    TokenUnchecked,
    NewKeyEachTime,
    AsksAgain,
    ForgetsVotes,
    AbortLiftsItself,
    TrustsItsDisk,
    CallsItSick,
    ReturnsForOne,
    BringsTwice,
    ForgetsWhatIsAway,
}

/// What one of them remembers.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Memory {
    aborted: bool,
    /// There was a window.
    window: bool,
}

/// A wrong policy, in words, the scene in which it goes wrong, and the promise that it breaks there.
pub(crate) struct Accused {
    pub(crate) wrong: Wrong,
    pub(crate) words: &'static str,
    pub(crate) scene: &'static str,
    pub(crate) breaks: &'static str,
}

const fn accused(wrong: Wrong, words: &'static str, scene: &'static str, breaks: &'static str) -> Accused {
    Accused {
        wrong,
        words,
        scene,
        breaks,
    }
}

/// All of them.
pub(crate) const ALL: &[Accused] = &[
    accused(
        Wrong::QuorumOnly,
        "any two detectors evacuate, whatever they share",
        "votes",
        promise::TWO_GROUPS,
    ),
    accused(
        Wrong::DeafToCuts,
        "votes alone decide: a cut is not heard",
        "people",
        promise::OBEYED,
    ),
    accused(Wrong::DeafToAborts, "no abort is heard", "repair", promise::OBEYED),
    accused(
        Wrong::WindowAtOnce,
        "an abort window ends as soon as it opens",
        "repair",
        promise::GROUNDS,
    ),
    accused(
        Wrong::WindowForAnyVote,
        "any single vote opens an abort window",
        "votes",
        promise::GROUNDS,
    ),
    accused(
        Wrong::WindowReopens,
        "a window that was aborted opens again on what was looked at",
        "repair",
        promise::ABORT,
    ),
    accused(
        Wrong::ReturnsAtOnce,
        "a vote returns as soon as its detector is clear",
        "reset",
        promise::RETURNED,
    ),
    accused(
        Wrong::SilenceEvacuates,
        "what falls silent counts as alarming",
        "repair",
        promise::SILENCE,
    ),
    accused(
        Wrong::NoToken,
        "every call has the same token",
        "ladder",
        promise::FENCED,
    ),
    accused(
        Wrong::TokenUnchecked,
        "the receiver does not look at tokens",
        "ladder",
        promise::FENCED,
    ),
    accused(
        Wrong::NewKeyEachTime,
        "every attempt has a key of its own",
        "ladder",
        promise::ONCE,
    ),
    accused(
        Wrong::AsksAgain,
        "what is answered with 422 is asked again",
        "ladder",
        promise::LEFT,
    ),
    accused(Wrong::ForgetsVotes, "a restart forgets votes", "disk", promise::LATCHED),
    accused(
        Wrong::AbortLiftsItself,
        "an abort ends by itself",
        "abort",
        promise::ABORT,
    ),
    accused(
        Wrong::TrustsItsDisk,
        "hooks are called before the disk has the intent",
        "disk",
        promise::INTENT,
    ),
    accused(
        Wrong::CallsItSick,
        "a disk counts as sick without a wait",
        "disk",
        promise::INTENT,
    ),
    accused(
        Wrong::ReturnsForOne,
        "one person's word brings everything home",
        "home",
        promise::HOME,
    ),
    accused(
        Wrong::BringsTwice,
        "what is told to come home is told so by another rung as well",
        "home",
        promise::SINGLY,
    ),
    accused(
        Wrong::ForgetsWhatIsAway,
        "a restart forgets what is away",
        "home",
        promise::AWAY,
    ),
];

/// The real core, or what a wrong policy makes of it.
pub(crate) fn decide(
    wrong: Option<Wrong>,
    (core, memory): (&mut State, &mut Memory),
    now: Millis,
    input: &Input,
    out: &mut Vec<Effect>,
) {
    match (wrong, input) {
        (Some(Wrong::QuorumOnly), Input::Config(site)) => step(core, now, &Input::Config(regrouped(site)), out),
        (
            Some(Wrong::DeafToCuts),
            Input::Order {
                verb: Verb::Cut { .. }, ..
            },
        )
        | (Some(Wrong::DeafToAborts), Input::Order { verb: Verb::Abort, .. }) => {}
        (Some(Wrong::NewKeyEachTime), Input::Hook { incident, .. }) => {
            let mut heard = input.clone();
            if let (Input::Hook { incident: to, .. }, Some((known, _))) = (&mut heard, incident.split_once('#')) {
                known.clone_into(to);
            }
            step(core, now, &heard, out);
        }
        (
            Some(Wrong::AsksAgain),
            Input::Hook {
                outcome: HookOutcome::Cannot { note },
                ..
            },
        ) => {
            let mut heard = input.clone();
            if let Input::Hook { outcome, .. } = &mut heard {
                *outcome = HookOutcome::Retry { cause: note.clone() };
            }
            step(core, now, &heard, out);
        }
        (Some(Wrong::WindowReopens), Input::Tick) if memory.window && memory.aborted => {
            *memory = Memory::default();
            step(core, now, input, out);
            out.push(reopened(core, now));
        }
        (Some(Wrong::SilenceEvacuates), Input::Lost { source, .. }) => {
            let of = |c: &u32| core.site().channels[*c as usize].source == *source;
            let channels: Vec<u32> = (0..core.site().channels.len() as u32).filter(of).collect();
            channels.into_iter().for_each(|c| burns(core, now, ChannelIx(c), out));
        }
        (Some(Wrong::ForgetsVotes), Input::Restore(entries)) => {
            let kept = entries.iter().filter(|e| !matches!(e.record, Record::VoteHeld { .. }));
            step(core, now, &Input::Restore(kept.cloned().collect()), out);
        }
        (Some(Wrong::AbortLiftsItself), Input::Tick) if memory.aborted => {
            memory.aborted = false;
            for by in [PrincipalIx(0), PrincipalIx(1)] {
                let verb = Verb::Evacuate;
                step(core, now, &Input::Order { by, verb, nonce: 0 }, out);
            }
        }
        _ => homeward(wrong, core, (now, input), out),
    }
    afterwards(wrong, (core, memory), now, out);
    in_time(wrong, core, (now, input), out);
}

/// Those that are wrong on the way home.
fn homeward(wrong: Option<Wrong>, core: &mut State, (now, input): (Millis, &Input), out: &mut Vec<Effect>) {
    match (wrong, input) {
        (Some(Wrong::ForgetsWhatIsAway), Input::Restore(entries)) => {
            let of_step = |r: &Record| matches!(r, Record::StepIntent { .. } | Record::StepEnded { .. });
            let kept = entries.iter().filter(|e| !of_step(&e.record));
            step(core, now, &Input::Restore(kept.cloned().collect()), out);
        }
        (
            Some(Wrong::ReturnsForOne),
            Input::Order {
                verb: verb @ Verb::Return,
                ..
            },
        ) => {
            for by in [PrincipalIx(0), PrincipalIx(1)] {
                let verb = *verb;
                step(core, now, &Input::Order { by, verb, nonce: 0 }, out);
            }
        }
        _ => step(core, now, input, out),
    }
}

fn afterwards(wrong: Option<Wrong>, (core, memory): (&mut State, &mut Memory), now: Millis, out: &mut Vec<Effect>) {
    match wrong {
        Some(Wrong::AbortLiftsItself) => memory.aborted |= records(out).any(is_abort),
        Some(Wrong::WindowReopens) => {
            memory.window |= records(out).any(opens);
            memory.aborted |= records(out).any(is_abort);
        }
        Some(Wrong::NewKeyEachTime) => {
            for effect in out {
                if let Effect::FireHook(call) = effect {
                    call.incident = format!("{}#{}", call.incident, call.attempt);
                }
            }
        }
        Some(Wrong::NoToken) => {
            for effect in out {
                if let Effect::FireHook(call) = effect {
                    call.token = 1;
                }
            }
        }
        Some(Wrong::BringsTwice) => {
            let again = brought_again(out, now);
            out.extend(again);
        }
        Some(Wrong::TrustsItsDisk) => {
            let mut written = last_written(out);
            while let Some(through) = written {
                let mut more = Vec::new();
                step(core, now, &Input::Stored { through }, &mut more);
                written = last_written(&more);
                out.append(&mut more);
            }
        }
        _ => {}
    }
}

/// A way home by another rung, which no core has begun.
fn brought_again(out: &[Effect], now: Millis) -> Option<Effect> {
    let brings = |r: &&Record| {
        matches!(
            r,
            Record::StepIntent {
                phase: Phase::Restore,
                ..
            }
        )
    };
    let mut record = records(out).find(brings)?.clone();
    if let Record::StepIntent {
        step, workload, token, ..
    } = &mut record
    {
        (*step, *token) = (format!("{workload}.stop.restore"), *token + 1);
    }
    let (seq, at) = (last_written(out)?, now);
    Some(Effect::Persist(Entry { seq, at, record }))
}

/// Those that are wrong by a clock of their own, or by what they think to have heard.
fn in_time(wrong: Option<Wrong>, core: &mut State, (now, input): (Millis, &Input), out: &mut Vec<Effect>) {
    match wrong {
        Some(Wrong::WindowAtOnce) if records(out).any(opens) => leap(core, (now, WINDOW_MS), out),
        Some(Wrong::CallsItSick) if records(out).any(intends) => leap(core, (now, SICK_MS), out),
        Some(Wrong::ReturnsAtOnce) if matches!(input, Input::Reading { value: Ok(CLEAR), .. }) => {
            let (mut ahead, mut more) = (core.clone(), Vec::new());
            leap(&mut ahead, (now, RETURN_MS), &mut more);
            if records(&more).any(|r| matches!(r, Record::VoteReturned { .. })) {
                *core = ahead;
                out.append(&mut more);
            }
        }
        Some(Wrong::WindowForAnyVote) if records(out).any(votes) => {
            let voted = core.view(now).votes;
            let site = core.site().clone();
            let other = |c: &&muster_core::Channel| voted.iter().all(|v| v.group != site.groups[c.group.at()].id);
            if let Some(channel) = site.channels.iter().find(other) {
                let source = channel.source;
                let of_it = (0u32..).zip(&site.channels).filter(|(_, c)| c.source == source);
                of_it.for_each(|(c, _)| shows(core, now, (ChannelIx(c), CLEAR), out));
                let why = "it is taken for dead".into();
                step(core, now, &Input::Lost { source, why }, out);
            }
        }
        _ => {}
    }
}

/// Its clock is so much further on.
fn leap(core: &mut State, (now, ms): (Millis, Millis), out: &mut Vec<Effect>) {
    let mut more = Vec::new();
    step(core, now + ms, &Input::Tick, &mut more);
    for effect in &mut more {
        if let Effect::Persist(entry) = effect {
            entry.at = now;
        }
    }
    out.append(&mut more);
}

/// A window of the first room that no core has opened.
fn reopened(core: &State, now: Millis) -> Effect {
    Effect::Persist(Entry {
        seq: 0,
        at: now,
        record: Record::WindowOpened {
            zone: core.site().zones[0].id.clone(),
            until: now + WINDOW_MS,
            why: "as before".into(),
        },
    })
}

fn records(out: &[Effect]) -> impl Iterator<Item = &Record> {
    out.iter().filter_map(|e| match e {
        Effect::Persist(entry) => Some(&entry.record),
        _ => None,
    })
}

const fn opens(record: &Record) -> bool {
    matches!(record, Record::WindowOpened { .. })
}

const fn intends(record: &Record) -> bool {
    matches!(record, Record::StepIntent { .. })
}

const fn votes(record: &Record) -> bool {
    matches!(record, Record::VoteHeld { died: false, .. })
}

fn last_written(out: &[Effect]) -> Option<u64> {
    out.iter().rev().find_map(|e| match e {
        Effect::Persist(entry) => Some(entry.seq),
        _ => None,
    })
}

const fn is_abort(record: &Record) -> bool {
    matches!(record, Record::OrderTaken { verb: Verb::Abort, .. })
}

fn burns(core: &mut State, now: Millis, channel: ChannelIx, out: &mut Vec<Effect>) {
    for _ in 0..SAMPLES {
        shows(core, now, (channel, ALARM), out);
    }
}

fn shows(core: &mut State, now: Millis, (channel, value): (ChannelIx, Micro), out: &mut Vec<Effect>) {
    let reading = Input::Reading {
        channel,
        value: Ok(value),
        simulated: false,
        age_ms: 0,
    };
    step(core, now, &reading, out);
}

/// Every detector is a group of its own.
fn regrouped(site: &Arc<Site>) -> Arc<Site> {
    let mut site = Site::clone(site);
    site.groups = site.channels.iter().map(|c| Group { id: c.id.clone() }).collect();
    for (channel, group) in site.channels.iter_mut().zip(0..) {
        channel.group = GroupIx(group);
    }
    Arc::new(site)
}
