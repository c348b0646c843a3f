//! Calling a target as the decision does: until the step has ended, again where it is told to.

use std::collections::BTreeMap;
use std::time::Duration;

use muster::clock::{Clock, Stopwatch};
use muster::config::{HookTarget, HookWay, Placed};
use muster::counters::Counters;
use muster::hooks::envelope::Envelopes;
use muster::hooks::webhook::Limits;
use muster::hooks::{Clients, Follow, Hook, underway};
use muster_core::{Call, HookIx, HookOutcome, Mode, Phase, RungKind};

/// Every step of these tests has ended within this.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A target with one workload, and what has been counted.
pub(crate) struct Bench {
    pub(crate) hook: Hook,
    pub(crate) counters: Counters,
    pub(crate) clock: Clock,
}

impl Bench {
    /// The workload `work` on rack `r1`, called so there.
    pub(crate) fn new(way: HookWay, object: &str) -> Self {
        let works = BTreeMap::from([(
            "work".to_owned(),
            Placed {
                object: object.to_owned(),
                rack: "r1".to_owned(),
            },
        )]);
        let target = HookTarget {
            id: "target".into(),
            way,
            works,
        };
        let (clock, counters, limits) = (Clock::starting_at(0), Counters::default(), Limits::default());
        let clients = Clients::new(Duration::from_secs(2)).unwrap();
        let hook = Hook::new(target, &clients, limits, clock.clone(), counters.clone()).unwrap();
        Self { hook, counters, clock }
    }

    /// A live step of rack `r1`, with ten minutes.
    pub(crate) fn call(&self, phase: Phase, rung: RungKind, token: u64) -> Call {
        Call {
            incident: "ansan-1".into(),
            step: format!("work.{rung}.{phase}"),
            hook: HookIx(0),
            workload: "work".into(),
            rung,
            phase,
            destination: (rung != RungKind::Stop).then(|| "busan".into()),
            mode: Mode::Live,
            token,
            attempt: 1,
            doomed: Some(vec!["r1".into()]),
            deadline: self.clock.now() + 600_000,
            why: vec!["two votes in zone battery-room".into()],
        }
    }

    /// One attempt to its end.
    pub(crate) async fn once(&self, call: &Call) -> HookOutcome {
        carried(&self.hook, &self.clock, call).await
    }

    /// Attempts until one is not told to try again.
    pub(crate) async fn to_end(&self, call: &Call) -> HookOutcome {
        let since = Stopwatch::start();
        loop {
            match self.once(call).await {
                HookOutcome::Retry { cause } => assert!(since.elapsed() < SOON, "still not: {cause}"),
                end => return end,
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// A live step to its end.
    pub(crate) async fn step(&self, phase: Phase, rung: RungKind, token: u64) -> HookOutcome {
        self.to_end(&self.call(phase, rung, token)).await
    }
}

/// One attempt of a hook to its end.
pub(crate) async fn carried(hook: &Hook, clock: &Clock, call: &Call) -> HookOutcome {
    let envelopes = Envelopes::new(clock.clone(), "http://127.0.0.1:1", [3; 32]).unwrap();
    let reply = hook.attempt(call, &envelopes.of(call).unwrap()).await;
    let Some(Follow::Hear(mut underway)) = reply.follow else {
        return reply.outcome;
    };
    let end = async {
        loop {
            let outcome = underway.next().await.expect("a task that ends says how");
            if underway::is_end(&outcome) {
                return outcome;
            }
        }
    };
    tokio::time::timeout(SOON, end).await.expect("an attempt ends")
}

/// The words of an outcome that has some.
pub(crate) fn words(outcome: &HookOutcome) -> &str {
    match outcome {
        HookOutcome::Cannot { note: words } | HookOutcome::Retry { cause: words } => words,
        _ => "",
    }
}
