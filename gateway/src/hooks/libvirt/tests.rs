//! Against a `virsh` that answers what a test has written down: what real hypervisors show only in a bad moment.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::config::{Places, StopBy};
use crate::hooks::Follow;
use crate::hooks::testing::call;
use crate::hooks::underway::is_end;

struct Bench {
    folder: tempfile::TempDir,
    hook: Libvirt,
}

impl Bench {
    /// `h1` and `h2` are its rack, `h3` is another one, and `d1` is the destination.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let virsh = folder.path().join("virsh");
        let script = format!(
            "#!/bin/sh\ncd {}\n[ -e $3.silent ] && {{ echo 'error: refused' >&2; exit 1; }}\n\
             [ -e $3.$4 ] && exec cat $3.$4\n\
             case $4 in\ndomstate) echo 'error: failed to get domain' >&2;;\n\
             metadata) echo 'error: metadata not found' >&2;;\n*) echo \"$4\" >>did; exit 0;;\nesac\nexit 1\n",
            folder.path().display()
        );
        std::fs::write(&virsh, script).unwrap();
        std::fs::set_permissions(&virsh, std::fs::Permissions::from_mode(0o755)).unwrap();
        let hook = hook(virsh);
        Self { folder, hook }
    }

    fn says(self, file: &str, words: &str) -> Self {
        std::fs::write(self.folder.path().join(file), words).unwrap();
        self
    }

    async fn outcome(&self, call: &Call) -> HookOutcome {
        let reply = self.hook.attempt(call).await;
        let Some(Follow::Hear(mut underway)) = reply.follow else {
            return reply.outcome;
        };
        loop {
            match underway.next().await {
                Some(outcome) if is_end(&outcome) => return outcome,
                Some(_) => {}
                None => unreachable!("it broke off"),
            }
        }
    }

    /// It is tried again, with these words.
    async fn waits(&self, call: &Call, words: &str) {
        let outcome = self.outcome(call).await;
        let fits = matches!(&outcome, HookOutcome::Retry { cause } if cause.contains(words));
        assert!(fits, "{words}: {outcome:?}");
    }

    fn did(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("did")).unwrap_or_default()
    }
}

fn hook(virsh: PathBuf) -> Libvirt {
    let list = |hosts: &[&str]| hosts.iter().map(|host| (*host).to_owned()).collect();
    let target = LibvirtTarget {
        virsh,
        places: Places {
            racks: BTreeMap::from([("r1".into(), list(&["h1", "h2"])), ("r2".into(), list(&["h3"]))]),
            destinations: BTreeMap::from([("daejeon".into(), list(&["d1"]))]),
        },
        stop_by: StopBy::ManagedSave,
        stop_timeout: Duration::from_secs(10),
        allow_destroy: false,
        copy_storage: false,
    };
    let placed = Placed {
        object: "shop".into(),
        rack: "r1".into(),
    };
    let works = BTreeMap::from([("db".into(), placed)]);
    Libvirt::new(
        "kvm".into(),
        (target, works),
        Clock::starting_at(0),
        Counters::default(),
    )
}

fn stop(phase: Phase) -> Call {
    Call {
        rung: RungKind::Stop,
        phase,
        destination: None,
        doomed: Some(vec!["r1".into()]),
        ..call()
    }
}

fn mark(token: u64, incident: &str) -> String {
    format!("<fence token=\"{token}\" incident=\"{incident}\" home=\"h1\" ran=\"true\"/>")
}

#[tokio::test]
async fn a_machine_that_is_nowhere_or_hidden_has_not_stopped() {
    for phase in [Phase::Evacuate, Phase::Verify] {
        let stop = stop(phase);
        Bench::new().waits(&stop, "shop is nowhere").await;
        Bench::new().says("h3.silent", "").waits(&stop, "refused").await;
        let hidden = Bench::new().says("h1.domstate", "shut off").says("h2.silent", "");
        hidden.waits(&stop, "refused").await;
        for safe in ["h3.domstate", "d1.domstate"] {
            let away = Bench::new().says(safe, "running");
            assert_eq!(away.outcome(&stop).await, HookOutcome::Done, "{safe}");
            assert_eq!(away.did(), "");
        }
        let off = Bench::new().says("h1.domstate", "shut off");
        assert_eq!(off.outcome(&stop).await, HookOutcome::Done);
    }
    let doomed = Call {
        doomed: None,
        ..stop(Phase::Verify)
    };
    let other = Bench::new().says("h3.domstate", "running");
    other.waits(&doomed, "shop is running at h3").await;
}

#[tokio::test]
async fn only_what_we_have_moved_has_arrived() {
    let there = |state: &str| Bench::new().says("d1.domstate", state);
    there("running").waits(&call(), "without a mark").await;
    let other = there("running").says("d1.metadata", &mark(7, "pangyo-b3-0"));
    other.waits(&call(), "not at h1, h2").await;
    let twin = there("running").says("h1.domstate", "shut off");
    twin.waits(&call(), "running at d1, shut off at h1").await;

    let ours = |state| there(state).says("d1.metadata", &mark(7, "pangyo-b3-1"));
    assert_eq!(ours("running").outcome(&call()).await, HookOutcome::Done);
    let cut = ours("running").says("h1.silent", "").says("h2.silent", "");
    assert_eq!(cut.outcome(&call()).await, HookOutcome::Done, "its power has gone");
    let twice = ours("running").says("h2.domstate", "running");
    twice.waits(&call(), "running at d1, running at h2").await;
    let late = there("running").says("d1.metadata", &mark(8, "pangyo-b3-1"));
    assert_eq!(late.outcome(&call()).await, HookOutcome::TokenRefused);

    let broken_off = ours("paused");
    assert_eq!(broken_off.outcome(&call()).await, HookOutcome::Done);
    assert_eq!(broken_off.did(), "resume\n");
    for (file, words) in [("h1.domstate", "paused"), ("h1.domstate", "running"), ("h1.silent", "")] {
        let goes_on = ours("paused").says(file, words);
        assert!(matches!(goes_on.outcome(&call()).await, HookOutcome::Retry { .. }));
        assert_eq!(goes_on.did(), "", "{file} {words}");
    }
}
