//! One step of a trial: called through the hook as a fire would, and followed to its end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use muster_core::{Call, HookIx, HookOutcome, Mode, Phase, RungKind};
use reqwest::Url;
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

use super::ear::Ear;
use super::effects::Effects;
use super::first;
use super::raw::Raw;
use crate::clock::{Clock, Stopwatch};
use crate::config::{HookTarget, HookWay, Secret};
use crate::counters::{Cause, Counters};
use crate::hooks::envelope::{Envelope, Envelopes};
use crate::hooks::mqtt::Mqtt;
use crate::hooks::underway::{broken, is_end};
use crate::hooks::webhook::Limits;
use crate::hooks::{ClientError, Clients, Follow, Hook, HookError};

/// How long a step has from its call to its deadline. Milliseconds.
const DEADLINE_MS: i64 = 600_000;
/// A `Location` is asked this often: oftener than in a fire, so that a trial does not take as long.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// First pause before a step is called again; it doubles.
const BACKOFF: Duration = Duration::from_millis(100);
/// Longest pause.
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// Gateways that call at once.
pub(super) const GATEWAYS: usize = 8;

/// What a trial is about.
#[derive(Clone, Debug)]
pub struct Options {
    /// For real: only for a receiver on a bench.
    pub live: bool,
    /// A workload that the receiver knows; else one that nobody has.
    pub workload: Option<String>,
    /// Where to.
    pub destination: String,
    /// First fencing token; they rise from here.
    pub token: u64,
    /// How long a step may take to its end.
    pub wait: Duration,
    /// Where the receiver tells what it has done.
    pub effects: Option<Effects>,
    /// Where progress is heard; else on the address from which the receiver is reached.
    pub listen: Option<SocketAddr>,
    /// Number of the first incident; the next trial takes another, so that no key comes twice.
    pub number: u64,
}

/// Why a trial cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// No HTTP client.
    #[error("no hook can be called")]
    Client(#[from] ClientError),
    /// The hook cannot be made.
    #[error("this hook cannot be called")]
    Hook(#[from] HookError),
    /// Nobody can report progress.
    #[error("progress cannot be heard on {address}")]
    Listen {
        /// Where it was to be.
        address: SocketAddr,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// Nobody can be told where to report it.
    #[error("progress cannot be reported")]
    Progress(#[from] crate::hooks::envelope::EnvelopeError),
    /// No key for the bearers.
    #[error("the machine gave no randomness")]
    Random(getrandom::Error),
}

/// A trial of one receiver.
#[derive(Debug)]
pub struct Trial {
    pub(super) options: Options,
    pub(super) mode: Mode,
    /// Its workload.
    pub(super) workload: String,
    /// Where the receiver is, for people.
    pub(super) place: String,
    /// Webhooks only.
    pub(super) raw: Option<Raw>,
    /// MQTT only: the same with a wrong secret.
    pub(super) stranger: Option<Hook>,
    pub(super) ear: Ear,
    pub(super) clock: Clock,
    hook: Hook,
    /// The hook as other gateways have it.
    twins: [Hook; GATEWAYS],
    envelopes: Envelopes,
    counters: Counters,
    /// It has said something of a step, as one does who hears us.
    spoke: AtomicBool,
    token: AtomicU64,
    number: AtomicU64,
    /// Steps that have ended as done, each with its key.
    done: Mutex<Vec<(String, Call)>>,
    /// Keys that were taken and not followed to their end.
    begun: Mutex<Vec<String>>,
}

/// What came of one step.
#[derive(Clone, Debug)]
pub(super) struct Played {
    /// The answer to the call itself.
    pub(super) first: HookOutcome,
    /// How it ended; none if nothing was heard of it in time.
    pub(super) end: Option<HookOutcome>,
    /// Until then.
    pub(super) took: Duration,
}

impl Trial {
    /// Ready to begin.
    ///
    /// # Errors
    /// See [`TrialError`]; the receiver itself is not called.
    pub async fn new(target: HookTarget, options: Options) -> Result<Self, TrialError> {
        let (clock, counters) = (Clock::starting_at(0), Counters::default());
        let limits = Limits::default();
        let clients = Clients::new(limits.connect)?;
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(TrialError::Random)?;
        let ear = open_ear(&target.way, &options, key).await?;
        let envelopes = Envelopes::new(clock.clone(), &format!("http://{}", ear.address), key)?;
        let raw = raw(&target.way, &clients, &clock)?;
        let stranger = stranger(&target, &clock);
        let make = || Hook::new(target.clone(), &clients, limits, clock.clone(), counters.clone());
        Ok(Self {
            place: first::place(&target.way),
            spoke: AtomicBool::new(false),
            mode: if options.live { Mode::Live } else { Mode::Drill },
            workload: options
                .workload
                .clone()
                .unwrap_or_else(|| format!("hooks-test-{}", options.number)),
            twins: [make()?, make()?, make()?, make()?, make()?, make()?, make()?, make()?],
            hook: make()?,
            token: AtomicU64::new(options.token),
            number: AtomicU64::new(options.number),
            done: Mutex::default(),
            begun: Mutex::default(),
            raw,
            stranger,
            ear,
            clock,
            envelopes,
            counters,
            options,
        })
    }

    /// As in the config.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.hook {
            Hook::Webhook(_) => "webhook",
            Hook::Exec(_) => "exec",
            Hook::Mqtt(_) => "mqtt",
            Hook::Lxd(_) => "lxd",
            Hook::Libvirt(_) => "libvirt",
            Hook::Kubernetes(_) => "kubernetes",
            Hook::Slurm(_) => "slurm",
        }
    }

    /// Whether the receiver could not be reached at all so far.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        let failed = self.counters.get(Cause::HookConnect) + self.counters.get(Cause::HookForbidden);
        failed > 0 && self.counters.get(Cause::HookStatus) == 0
    }

    /// A new step of an incident of its own, with the next token.
    pub(super) fn step(&self, phase: Phase) -> Call {
        self.step_of(&self.workload, phase, self.take_token())
    }

    /// A token that no step has; the next step's is higher.
    pub(super) fn take_token(&self) -> u64 {
        self.token.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn step_of(&self, workload: &str, phase: Phase, token: u64) -> Call {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let destination = self.options.destination.clone();
        Call {
            incident: format!("hooks-test-{number}"),
            step: format!("{workload}.move.{phase}.{destination}"),
            hook: HookIx(0),
            workload: workload.into(),
            rung: RungKind::Move,
            phase,
            destination: Some(destination),
            mode: self.mode,
            token,
            attempt: 1,
            doomed: None,
            deadline: self.clock.now() + DEADLINE_MS,
            why: vec!["muster hooks test: no fire, a trial of this hook".into()],
        }
    }

    /// The event of a call. Ours to make, so it can be made; an empty one would be found out at once.
    pub(super) fn envelope(&self, call: &Call) -> Envelope {
        let made = if self.hook.is_told_a_bearer() {
            self.envelopes.of(call)
        } else {
            self.envelopes.without_bearer(call)
        };
        made.unwrap_or_else(|_| Envelope {
            id: String::new(),
            body: Vec::new(),
        })
    }

    /// Calls a step until it has ended, as the runner and the core would: what is to be tried again is, while there is
    /// time.
    pub(super) async fn play(&self, call: &Call) -> Played {
        self.play_as(call, &self.envelope(call)).await
    }

    /// As [`Trial::play`], with another event than its own.
    pub(super) async fn play_as(&self, call: &Call, envelope: &Envelope) -> Played {
        let since = Stopwatch::start();
        let mut first = None;
        let mut last = None;
        let all = async {
            let mut pause = BACKOFF;
            loop {
                let outcome = self.once(&self.hook, call, envelope, &mut first).await;
                let hopeless = self.done_keys().is_empty() && first::is_hopeless(self, &outcome, since.elapsed());
                let again = matches!(outcome, HookOutcome::Retry { .. }) && !hopeless;
                last = Some(outcome);
                if !again {
                    return;
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_BACKOFF);
            }
        };
        tokio::select! {
            _ = timeout(self.options.wait, all) => {}
            () = self.never_spoke() => {}
        }
        let played = Played {
            first: first.unwrap_or_else(broken),
            end: last,
            took: since.elapsed(),
        };
        self.note(call, envelope, &played);
        played
    }

    /// Ends when nobody behind a topic has ever said a word: a broker's acknowledgement is nobody's.
    async fn never_spoke(&self) {
        if self.kind() != "mqtt" || !self.done_keys().is_empty() {
            return std::future::pending().await;
        }
        sleep(first::SPEAKS_WITHIN).await;
        if self.spoke.load(Ordering::Relaxed) {
            std::future::pending().await
        }
    }

    /// Calls a step until it is taken or refused, and does not wait for its end: where it only has to be taken, slow work
    /// would make a trial last for ever.
    pub(super) async fn begin(&self, call: &Call) -> HookOutcome {
        self.begin_as(call, &self.envelope(call)).await
    }

    /// As [`Trial::begin`], with another event than its own.
    pub(super) async fn begin_as(&self, call: &Call, envelope: &Envelope) -> HookOutcome {
        self.note_begun(envelope);
        if self.kind() != "webhook" {
            // They say no more at once than that they have heard it.
            return self.play_as(call, envelope).await.end.unwrap_or_else(broken);
        }
        let mut last = broken();
        let all = async {
            let mut pause = BACKOFF;
            loop {
                last = self.hook.attempt(call, envelope).await.outcome;
                if !matches!(last, HookOutcome::Retry { .. }) {
                    return;
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_BACKOFF);
            }
        };
        let _ = timeout(self.options.wait, all).await;
        last
    }

    /// One attempt, to the end of the step.
    async fn once(
        &self,
        hook: &Hook,
        call: &Call,
        envelope: &Envelope,
        first: &mut Option<HookOutcome>,
    ) -> HookOutcome {
        let reply = hook.attempt(call, envelope).await;
        first.get_or_insert_with(|| reply.outcome.clone());
        if is_end(&reply.outcome) {
            return reply.outcome;
        }
        let followed = self.follow(reply.follow, &envelope.id);
        tokio::select! {
            end = followed => end,
            end = self.ear.end_of(&envelope.id) => end,
        }
    }

    /// One attempt, by a stranger's hook or ours, without waiting for the step's end for longer than `patience`.
    pub(super) async fn attempt(
        &self,
        stranger: Option<&Hook>,
        call: &Call,
        patience: Duration,
    ) -> Option<HookOutcome> {
        let hook = stranger.unwrap_or(&self.hook);
        let envelope = self.envelope(call);
        timeout(patience, self.once(hook, call, &envelope, &mut None))
            .await
            .ok()
    }

    /// What each of several gateways is answered that call at once.
    pub(super) async fn answers_at_once(&self, call: &Call, envelope: &Envelope) -> Vec<HookOutcome> {
        let [a, b, c, d, e, f, g, h] = self.twins.each_ref().map(|twin| twin.attempt(call, envelope));
        let (a, b, c, d, e, f, g, h) = tokio::join!(a, b, c, d, e, f, g, h);
        [a, b, c, d, e, f, g, h]
            .into_iter()
            .map(|reply| reply.outcome)
            .collect()
    }

    async fn follow(&self, follow: Option<Follow>, key: &str) -> HookOutcome {
        match follow {
            None => std::future::pending().await,
            Some(Follow::Hear(mut underway)) => loop {
                let outcome = underway.next().await.unwrap_or_else(broken);
                self.spoke.store(true, Ordering::Relaxed);
                if is_end(&outcome) {
                    return outcome;
                }
            },
            Some(Follow::Ask(at)) => loop {
                sleep(ASK_EVERY).await;
                let outcome = self.hook.ask(&at, key).await;
                if is_end(&outcome) {
                    return outcome;
                }
            },
        }
    }

    fn note_begun(&self, envelope: &Envelope) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.push(envelope.id.clone());
    }

    fn note(&self, call: &Call, envelope: &Envelope, played: &Played) {
        let effect = call.phase != Phase::Verify;
        if effect && played.end == Some(HookOutcome::Done) {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            if !done.iter().any(|(key, _)| *key == envelope.id) {
                done.push((envelope.id.clone(), call.clone()));
            }
        }
    }

    /// Keys of the steps that have ended as done; each was to have one effect.
    pub(super) fn done_keys(&self) -> Vec<String> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.iter().map(|(key, _)| key.clone()).collect()
    }

    /// Keys of the steps that were taken and not followed to their end; each may have one effect.
    pub(super) fn begun_keys(&self) -> Vec<String> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a key is of this trial.
    pub(super) fn is_ours(&self, key: &str) -> bool {
        let incident = key.trim_start_matches("drill.").split('.').next().unwrap_or_default();
        let number = incident.strip_prefix("hooks-test-").and_then(|n| n.parse::<u64>().ok());
        let ours = self.options.number..self.number.load(Ordering::Relaxed);
        number.is_some_and(|n| ours.contains(&n))
    }

    /// A step that was overtaken after it was done, and a token that is too low by now.
    pub(super) fn remembered(&self) -> Option<(Call, u64)> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let own = |call: &&Call| call.workload == self.workload && call.mode == self.mode;
        let first = done.iter().map(|(_, call)| call).find(own)?;
        Some((first.clone(), first.token))
    }
}

/// Whether a step was taken: it is done, or under way.
pub(super) const fn is_taken(answer: &HookOutcome) -> bool {
    matches!(
        answer,
        HookOutcome::Done | HookOutcome::Accepted | HookOutcome::Running { .. }
    )
}

impl Played {
    pub(super) fn is_done(&self) -> bool {
        self.end == Some(HookOutcome::Done)
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        let (first, ms) = (super::raw::words(&self.first), self.took.as_millis());
        match &self.end {
            Some(end) if *end == self.first => format!("{first}, after {ms} ms"),
            Some(end) => format!("{first}, then {}, after {ms} ms", super::raw::words(end)),
            None => format!("{first}, and no end within {} s", self.took.as_secs()),
        }
    }
}

/// On the address from which the receiver is reached, so that it can answer there.
async fn open_ear(way: &HookWay, options: &Options, key: [u8; 32]) -> Result<Ear, TrialError> {
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let address = match (options.listen, way) {
        (Some(address), _) => address,
        (None, HookWay::Webhook(hook)) => towards(&hook.url).await.unwrap_or(here),
        (None, _) => here,
    };
    let opened = Ear::open(address, key).await;
    opened.map_err(|source| TrialError::Listen { address, source })
}

async fn towards(url: &str) -> Option<SocketAddr> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = url.port_or_known_default()?;
    let to = timeout(Duration::from_secs(2), tokio::net::lookup_host((host, port))).await;
    let to = to.ok()?.ok()?.next()?;
    let any: IpAddr = if to.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    // Nothing is sent; the system only says which address it would send from.
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect(to).await.ok()?;
    Some(SocketAddr::new(socket.local_addr().ok()?.ip(), 0))
}

fn raw(way: &HookWay, clients: &Clients, clock: &Clock) -> Result<Option<Raw>, TrialError> {
    let HookWay::Webhook(hook) = way else { return Ok(None) };
    let client = clients.of(hook.allow_loopback, hook.ca.as_deref())?;
    Ok(Url::parse(&hook.url).ok().map(|url| Raw {
        url,
        secret: hook.secret.clone(),
        client,
        clock: clock.clone(),
    }))
}

/// The hook, as somebody would call it who has not got the secret.
fn stranger(target: &HookTarget, clock: &Clock) -> Option<Hook> {
    let HookWay::Mqtt(mqtt) = &target.way else { return None };
    let wrong = Secret(mqtt.secret.0.iter().map(|byte| byte ^ 1).collect());
    let counters = Counters::default();
    let hook = Mqtt::new(
        target.id.clone(),
        (**mqtt).clone(),
        Limits::default(),
        clock.clone(),
        counters,
    );
    Some(Hook::Mqtt(hook.signing_with(wrong)))
}
