//! One hook of a config by itself, without a gateway.

use muster::clock::Clock;
use muster::config::HookTarget;
use muster::counters::Counters;
use muster::hooks::preflight::{Answer, Preflight};
use muster::hooks::webhook::Limits;
use muster::hooks::{Clients, Hook};
use muster_core::{Call, HookIx, HookOutcome, Mode, Phase, RungKind};

use super::attempts;
use crate::site::acting_site::{SITE, SiteText};

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

/// The question whether a workload is at home again.
pub(super) fn home(workload: &str, token: u64) -> Call {
    Call {
        destination: Some(SITE.into()),
        ..call(workload, Phase::Verify, token)
    }
}

/// Carries a call out to its end.
pub(super) async fn carried(hook: &Hook, call: &Call) -> HookOutcome {
    attempts::carried(hook, &Clock::starting_at(0), call).await
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
