//! libvirt: machines are moved live between two real hypervisors, through the whole gateway.

use muster::hooks::Hook;
use muster::hooks::preflight::{Answer, There};
use muster_core::{Call, HookOutcome, Phase, RungKind};

use super::alone::{LOSS_S, alone, call, carried, home, would_go, would_not_go};
use super::libvirt_pair::Pair;
use crate::site::acting_site::SiteText;
use crate::site::hosted::Hosted;
use crate::site::talk::{state_of, step_of};

fn hook(pair: &Pair, more: &str) -> String {
    format!(
        "[[hook]]\nid = \"kvm\"\nkind = \"libvirt\"\nracks = {{ r1 = [\"{}\"] }}\ndestinations = {{ busan = [\"{}\"] }}\n\
         {more}\n",
        pair.uri("h1"),
        pair.uri("h2"),
    )
}

fn workload(id: &str, object: &str) -> String {
    format!(
        "[[workload]]\nid = \"{id}\"\ntier = 1\nruns_on = \"r1\"\nobject = \"{object}\"\nrung = [\n\
         {{ kind = \"move\", hook = \"kvm\", to = \"busan\", needs_s = 30 }},\n\
         {{ kind = \"stop\", hook = \"kvm\", needs_s = 5 }},\n]\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_run_elsewhere_before_the_cut_and_what_stays_is_named() {
    let pair = Pair::up(0).await;
    pair.machine("shop-vm").await;
    pair.machine("mail-vm").await;
    let site = SiteText::new(true, LOSS_S)
        .table(&hook(&pair, ""))
        .table(&workload("shop", "shop-vm"))
        .table(&workload("mail", "mail-vm"))
        .table(&workload("ghost", "nobody"));
    let mut hosted = Hosted::start(&site).await;
    hosted.burn().await;
    let status = hosted
        .api
        .until("both are moved, and the third is said to be nowhere", |status| {
            let note = step_of(status, "ghost.move.evacuate.busan")["note"].to_string();
            ["shop", "mail"].map(|w| state_of(status, w)) == ["moved"; 2] && note.contains("no machine nobody")
        });
    status.await;
    assert_eq!(pair.machines("h1").await, [""; 0]);
    pair.cut("h1").await;
    assert_eq!(pair.machines("h2").await, ["mail-vm running", "shop-vm running"]);
}

async fn seen_beforehand(hook: &Hook) {
    let preflight = hook.preflight().await;
    would_go(&preflight, "shop");
    would_not_go(&preflight, "mail", "no machine mail-vm");
    assert!(
        matches!(&preflight.room["busan"], Answer::Yes { seen } if seen.contains("MiB free")),
        "{preflight:#?}"
    );
    assert_eq!(preflight.there["busan"], There::Somebody);
    let stock = &preflight.stock;
    assert!(stock.needs["shop"][0].takes["memory"] > 0, "{stock:?}");
    assert!(stock.clone().take("busan", "shop").is_ok(), "{stock:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_moved_once_fenced_and_brought_home() {
    let pair = Pair::up(1).await;
    pair.machine("shop-vm").await;
    let works = [workload("shop", "shop-vm"), workload("mail", "mail-vm")].concat();
    let hook = alone(&hook(&pair, ""), &works);
    seen_beforehand(&hook).await;
    assert_eq!(
        carried(&hook, &call("shop", Phase::Prepare, 7)).await,
        HookOutcome::Done
    );
    let HookOutcome::Retry { cause } = carried(&hook, &call("shop", Phase::Verify, 8)).await else {
        panic!("verified before it moved")
    };
    assert!(cause.contains("shop-vm is running at"), "{cause}");
    let evacuate = call("shop", Phase::Evacuate, 9);
    assert_eq!(carried(&hook, &evacuate).await, HookOutcome::Done);
    assert_eq!(carried(&hook, &evacuate).await, HookOutcome::Done, "a second time");
    assert_eq!(
        carried(&hook, &call("shop", Phase::Verify, 10)).await,
        HookOutcome::Done
    );
    assert_eq!(pair.machines("h2").await, ["shop-vm running"]);

    let late = carried(&hook, &call("shop", Phase::Restore, 8)).await;
    assert_eq!(late, HookOutcome::TokenRefused);
    assert_eq!(
        carried(&hook, &call("shop", Phase::Restore, 11)).await,
        HookOutcome::Done
    );
    assert_eq!(pair.machines("h1").await, ["shop-vm running"]);
    assert_eq!(carried(&hook, &home("shop", 12)).await, HookOutcome::Done);
    let stale = carried(&hook, &call("shop", Phase::Evacuate, 8)).await;
    assert_eq!(stale, HookOutcome::TokenRefused);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_shut_down_is_named_and_saved_or_ended_only_by_leave() {
    let pair = Pair::up(2).await;
    pair.machine("shop-vm").await;
    let works = workload("shop", "shop-vm");
    let stop = |phase, token| Call {
        rung: RungKind::Stop,
        destination: None,
        step: format!("shop.stop.{phase}"),
        ..call("shop", phase, token)
    };
    let polite = alone(&hook(&pair, "stop_timeout_s = 2"), &works);
    let HookOutcome::Retry { cause } = carried(&polite, &stop(Phase::Evacuate, 1)).await else {
        panic!("it cannot have shut down")
    };
    assert!(cause.contains("has not shut down within 2 s"), "{cause}");
    assert_eq!(pair.machines("h1").await, ["shop-vm running"]);
    assert!(matches!(
        carried(&polite, &stop(Phase::Verify, 2)).await,
        HookOutcome::Retry { .. }
    ));

    let saving = alone(&hook(&pair, "stop_by = \"managedsave\""), &works);
    assert_eq!(carried(&saving, &stop(Phase::Evacuate, 3)).await, HookOutcome::Done);
    assert_eq!(carried(&saving, &stop(Phase::Verify, 4)).await, HookOutcome::Done);
    assert_eq!(pair.machines("h1").await, ["shop-vm shut off"]);
    what_was_saved_goes_on_elsewhere(&pair, &saving).await;

    let rough = alone(&hook(&pair, "stop_timeout_s = 1\nallow_destroy = true"), &works);
    assert_eq!(carried(&rough, &stop(Phase::Evacuate, 7)).await, HookOutcome::Done);
    assert_eq!(pair.machines("h1").await, ["shop-vm shut off"]);
}

/// It ran before this incident, so it runs at the other end.
async fn what_was_saved_goes_on_elsewhere(pair: &Pair, saving: &Hook) {
    assert_eq!(
        carried(saving, &call("shop", Phase::Evacuate, 5)).await,
        HookOutcome::Done
    );
    assert_eq!(pair.machines("h2").await, ["shop-vm running"]);
    assert_eq!(
        carried(saving, &call("shop", Phase::Restore, 6)).await,
        HookOutcome::Done
    );
}

#[test]
fn the_example_is_accepted_where_virsh_is() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../gateway/examples/libvirt.toml");
    let (_, findings) = muster::config::load(std::path::Path::new(example)).unwrap();
    let published = |f: &muster::config::Finding| f.what.contains("published");
    assert!(findings.iter().all(published), "{findings:#?}");
}
