//! One hook of a config by itself, without a gateway.

use muster::clock::Clock;
use muster::config::HookTarget;
use muster::counters::Counters;
use muster::hooks::preflight::{Answer, Preflight};
use muster::hooks::underway::is_end;
use muster::hooks::webhook::Limits;
use muster::hooks::{Clients, Follow, Hook};
use muster_core::{Call, HookIx, HookOutcome, Mode, Phase, RungKind};

use crate::site::acting_site::SiteText;

/// How soon loss is feared after the first sign: long, so that nothing falls down its ladder for want of time.
pub(super) const LOSS_S: u32 = 600;

/// The hook of a config, by itself.
pub(super) fn alone(hook: &str, works: &str) -> Hook {
    let folder = tempfile::tempdir().unwrap();
    let text = SiteText::new(true, LOSS_S).table(hook).table(works);
    let text = text.toml(&folder.path().join("journal.db"));
    let (config, _) = muster::config::parse(&text, &folder.path().join("site.toml")).unwrap();
    let target: HookTarget = config.hooks[0].clone();
    let limits = Limits::default();
    let clients = Clients::new(limits.connect).unwrap();
    Hook::new(target, &clients, limits, Clock::starting_at(0), Counters::default()).unwrap()
}

/// A live call to move a workload from `r1` to `busan`.
pub(super) fn call(workload: &str, phase: Phase, token: u64) -> Call {
    Call {
        incident: "ansan-1".into(),
        step: format!("{workload}.move.{phase}.busan"),
        hook: HookIx(0),
        workload: workload.into(),
        rung: RungKind::Move,
        phase,
        destination: Some("busan".into()),
        mode: Mode::Live,
        token,
        attempt: 1,
        doomed: Some(vec!["r1".into()]),
        deadline: 600_000,
        why: vec![],
    }
}

/// Carries a call out to its end.
pub(super) async fn carried(hook: &Hook, call: &Call) -> HookOutcome {
    let envelope = muster::hooks::envelope::Envelopes::new(Clock::starting_at(0), "http://127.0.0.1:1", [0; 32]);
    let envelope = envelope.unwrap().without_bearer(call).unwrap();
    let reply = hook.attempt(call, &envelope).await;
    let Some(Follow::Hear(mut underway)) = reply.follow else {
        return reply.outcome;
    };
    loop {
        match underway.next().await {
            Some(outcome) if is_end(&outcome) => return outcome,
            Some(_) => {}
            None => panic!("it broke off"),
        }
    }
}

/// Its preflight says so.
pub(super) fn would_go(preflight: &Preflight, workload: &str) {
    assert!(
        matches!(preflight.workloads[workload], Answer::Yes { .. }),
        "{preflight:#?}"
    );
}

/// Its preflight says why, and what would mend it.
pub(super) fn would_not_go(preflight: &Preflight, workload: &str, words: &str) {
    let fits = |answer: &Answer| matches!(answer, Answer::No { why, mend } if why.contains(words) && !mend.is_empty());
    assert!(fits(&preflight.workloads[workload]), "{preflight:#?}");
}
