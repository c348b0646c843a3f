//! Policies that are wrong on purpose, to see that the model finds them out. Each changes what goes into the real core or
//! what comes out of it; the core itself knows nothing of them.

use std::sync::Arc;

use muster_core::{ChannelIx, Effect, Group, GroupIx, Input, Millis, PrincipalIx, Record, Site, State, Verb, step};
use serde::Serialize;

use super::promise;
use super::site::{ALARM, SAMPLES};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    QuorumOnly,
    DeafToCuts,
    SilenceEvacuates,
    NoToken,
    TokenUnchecked,
    NewKeyEachTime,
    ForgetsVotes,
    AbortLiftsItself,
    TrustsItsDisk,
}

/// What one of them remembers.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Memory {
    aborted: bool,
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
        "votes alone decide: a cut or an abort is not heard",
        "people",
        promise::OBEYED,
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
                verb: Verb::Cut { .. } | Verb::Abort,
                ..
            },
        ) => {}
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
        _ => step(core, now, input, out),
    }
    afterwards(wrong, (core, memory), now, out);
}

fn afterwards(wrong: Option<Wrong>, (core, memory): (&mut State, &mut Memory), now: Millis, out: &mut Vec<Effect>) {
    match wrong {
        Some(Wrong::AbortLiftsItself) => {
            let aborts = |e: &Effect| matches!(e, Effect::Persist(e) if is_abort(&e.record));
            memory.aborted |= out.iter().any(aborts);
        }
        Some(Wrong::NoToken) => {
            for effect in out {
                if let Effect::FireHook(call) = effect {
                    call.token = 1;
                }
            }
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
        let reading = Input::Reading {
            channel,
            value: Ok(ALARM),
            simulated: false,
            age_ms: 0,
        };
        step(core, now, &reading, out);
    }
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
