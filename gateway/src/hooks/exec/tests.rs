use std::path::{Path, PathBuf};

use tokio::time::timeout;

use super::*;
use crate::clock::Stopwatch;
use crate::hooks::Follow;
use crate::hooks::envelope::Envelopes;
use crate::hooks::testing::{SOON, call};

/// A shell as the program; what it runs is in the arguments, so that no test runs a file that another has still open.
fn hook(script: &str, limit: Duration) -> (Exec, Counters) {
    let counters = Counters::default();
    let target = ExecTarget {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        cwd: "/".into(),
        limit,
    };
    let hook = Exec::new("evacuate".into(), target, Clock::starting_at(0), counters.clone());
    (hook, counters)
}

fn envelope() -> Envelope {
    let envelopes = Envelopes::new(Clock::starting_at(0), "http://127.0.0.1:1", [3; 32]).unwrap();
    envelopes.of(&call()).unwrap()
}

/// Everything an attempt says, the last of which is its end.
async fn all_of(hook: &Exec) -> Vec<HookOutcome> {
    let reply = hook.attempt(&call(), &envelope()).await;
    let mut said = vec![reply.outcome];
    if let Some(Follow::Hear(mut underway)) = reply.follow {
        while let Some(outcome) = timeout(SOON, underway.next()).await.unwrap() {
            said.push(outcome);
        }
    }
    said
}

async fn end_of(script: &str) -> HookOutcome {
    all_of(&hook(script, SOON).0).await.pop().unwrap()
}

fn retry(outcome: &HookOutcome, words: &str) -> bool {
    matches!(outcome, HookOutcome::Retry { cause } if cause.contains(words))
}

#[tokio::test]
async fn a_program_that_was_called_wrongly_is_told_from_one_that_fails() {
    for script in ["exit 2", "echo usage: x >&2; exit 64", ": ${1:?usage}", "exec /no/such"] {
        let end = end_of(script).await;
        assert!(was_called_wrongly(&end), "{script}: {end:?}");
    }
    for script in [
        "exit 0",
        "exit 1",
        "exit 75",
        "exit 65",
        "exit 20",
        "kill -9 $$",
        "echo exit 2 >&2; exit 1",
    ] {
        let end = end_of(script).await;
        assert!(!was_called_wrongly(&end), "{script}: {end:?}");
    }
}

/// A process that is gone, or only waits to be reaped.
async fn until_gone(pid: &str) {
    let status = Path::new("/proc").join(pid).join("status");
    let gone = || std::fs::read_to_string(&status).map_or(true, |text| text.contains("State:\tZ"));
    timeout(SOON, async {
        while !gone() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{pid} lives on"));
}

/// A file that a script writes a process id into.
fn note() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    (folder, file)
}

async fn pid_in(file: &Path) -> String {
    timeout(SOON, async {
        loop {
            match std::fs::read_to_string(file) {
                Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn the_table_of_ends() {
    assert_eq!(end_of("exit 0").await, HookOutcome::Done);
    let cannot = |note: &str| HookOutcome::Cannot { note: note.into() };
    assert_eq!(end_of("exit 65").await, cannot("exit 65"));
    let said = end_of("echo first; echo 'no room\x1b[2J in busan' >&2; exit 65").await;
    assert_eq!(said, cannot("exit 65: no room [2J in busan"));
    assert_eq!(end_of("echo full; exit 65").await, cannot("exit 65: full"));
    assert!(retry(&end_of("exit 75").await, "exit 75, not now"));
    for code in [1, 2, 64, 66, 74, 76, 77, 78, 101, 126, 127, 255] {
        let end = end_of(&format!("echo why >&2; exit {code}")).await;
        assert!(retry(&end, &format!("exit {code}: why")), "{code}: {end:?}");
    }
    assert!(retry(&end_of("kill -9 $$").await, "ended by signal 9"));
}

#[tokio::test]
async fn a_refused_token_is_said_in_so_many_words() {
    let refused = r#"echo '{"state":"refused"}'; exit 1"#;
    assert_eq!(end_of(refused).await, HookOutcome::TokenRefused);
    assert_eq!(
        end_of(r#"printf '{"state":"refused"}'; exit 75"#).await,
        HookOutcome::TokenRefused
    );
    // Done is done; and the words of other ends are for their codes.
    assert_eq!(end_of(r#"echo '{"state":"refused"}'; exit 0"#).await, HookOutcome::Done);
    assert!(retry(&end_of(r#"echo '{"state":"done"}'; exit 1"#).await, "exit 1"));
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_a_retry() {
    for path in ["/no/such/program", "/etc/passwd", "/"] {
        let (mut hook, counters) = hook("", SOON);
        hook.target.argv = vec![path.into()];
        let end = all_of(&hook).await.pop().unwrap();
        assert!(retry(&end, "cannot be started"), "{path}: {end:?}");
        assert_eq!(counters.get(Cause::HookConnect), 1);
    }
}

#[tokio::test]
async fn it_gets_the_event_and_the_facts_and_nothing_of_ours() {
    let (_folder, file) = note();
    let script = format!("cat >{0}.json; env >{0}.env; pwd >>{0}.env", file.display());
    assert_eq!(end_of(&script).await, HookOutcome::Done);
    let event = std::fs::read(file.with_extension("json")).unwrap();
    let event: serde_json::Value = serde_json::from_slice(&event).unwrap();
    assert_eq!(
        (&event["id"], &event["data"]["token"]),
        (&"pangyo-b3-1.db.move.evacuate.daejeon".into(), &7.into())
    );
    let env = std::fs::read_to_string(file.with_extension("env")).unwrap();
    for line in [
        "MUSTER_ID=pangyo-b3-1.db.move.evacuate.daejeon",
        "MUSTER_MODE=live",
        "MUSTER_PHASE=evacuate",
        "MUSTER_WORKLOAD=db",
        "MUSTER_RUNG=move",
        "MUSTER_DESTINATION=daejeon",
        "MUSTER_FENCE=7",
        "/",
    ] {
        assert!(env.lines().any(|given| given == line), "{line} in {env}");
    }
    assert!(!env.contains("CARGO"), "our own environment: {env}");
}

#[tokio::test]
async fn one_that_ignores_its_input_is_not_waited_for() {
    let (hook, _) = hook("exec 0<&-; exit 0", SOON);
    let large = Envelope {
        id: "a.b".into(),
        body: vec![b'x'; 1_000_000],
    };
    assert_eq!(hook.attempt(&call(), &large).await.outcome, HookOutcome::Done);
    let (hook, _) = self::hook("sleep 0.1", SOON);
    assert_eq!(hook.attempt(&call(), &large).await.outcome, HookOutcome::Done);
}

#[tokio::test]
async fn slow_work_is_accepted_heard_of_and_its_progress_told() {
    let script = r#"echo working; echo '{"state":"running","percent":40}'; sleep 2.5; echo '{"state":"running","percent":90}'; sleep 0.7"#;
    let said = all_of(&hook(script, SOON).0).await;
    let running = |percent| HookOutcome::Running { percent: Some(percent) };
    assert_eq!(said, [running(40), running(90), HookOutcome::Done]);
    assert_eq!(
        all_of(&hook("sleep 2.2", SOON).0).await,
        [HookOutcome::Accepted, HookOutcome::Done]
    );
    // The core calls a step again that it has not heard of for 30 s of its own clock.
    let (hook, _) = hook("sleep 2.5", SOON);
    hook.clock.set_speed(60);
    let said = all_of(&hook).await;
    assert!(
        said.len() > 10 && said[1] == HookOutcome::Running { percent: None },
        "{said:?}"
    );
}

#[tokio::test]
async fn one_that_hangs_is_ended_with_all_it_started() {
    let (_folder, file) = note();
    let script = format!("sleep 1000 & echo $! >{}; wait", file.display());
    let (hook, counters) = hook(&script, Duration::from_millis(300));
    let end = all_of(&hook).await.pop().unwrap();
    assert!(retry(&end, "not ended within"), "{end:?}");
    assert_eq!(counters.get(Cause::HookTimeout), 1);
    until_gone(&pid_in(&file).await).await;
}

#[tokio::test]
async fn one_that_ignores_being_asked_is_killed() {
    let (_folder, file) = note();
    let script = format!("trap '' TERM; echo $$ >{}; while :; do sleep 1; done", file.display());
    let watch = Stopwatch::start();
    let end = all_of(&hook(&script, Duration::from_millis(300)).0)
        .await
        .pop()
        .unwrap();
    assert!(retry(&end, "not ended within"), "{end:?}");
    assert!(watch.elapsed() >= group::GRACE && watch.elapsed() < SOON);
    until_gone(&pid_in(&file).await).await;
}

#[tokio::test]
async fn what_it_leaves_behind_in_its_group_ends_with_it() {
    let (_folder, file) = note();
    // The child holds the output open, and is not waited for.
    let script = format!("sleep 1000 & echo $! >{}; exit 75", file.display());
    let watch = Stopwatch::start();
    assert!(retry(&end_of(&script).await, "exit 75"));
    assert!(watch.elapsed() < Duration::from_secs(15), "{:?}", watch.elapsed());
    until_gone(&pid_in(&file).await).await;
}

#[tokio::test]
async fn one_that_is_not_heard_any_more_is_ended_and_the_next_attempt_waits_for_that() {
    let (_folder, file) = note();
    let script = format!(
        "[ -e {0} ] && exit 0; trap 'sleep 0.5; rm {0}.busy; exit 1' TERM; touch {0}.busy; echo $$ >{0}; \
         while :; do sleep 0.05; done",
        file.display()
    );
    let (hook, _) = hook(&script, SOON);
    let first = hook.attempt(&call(), &envelope()).await;
    assert_eq!(first.outcome, HookOutcome::Accepted);
    let pid = pid_in(&file).await;
    drop(first);
    let again = hook.attempt(&call(), &envelope()).await;
    assert_eq!(again.outcome, HookOutcome::Done);
    assert!(
        !file.with_extension("busy").exists(),
        "two attempts at one step overlapped"
    );
    until_gone(&pid).await;
}

#[tokio::test]
async fn one_that_prints_for_ever_costs_a_bounded_memory_and_is_ended() {
    let script = r#"yes '{"state":"running","percent":7}' & yes "$(head -c 9000 /dev/zero | tr '\0' x)" >&2"#;
    let (hook, _) = hook(script, Duration::from_secs(3));
    let said = all_of(&hook).await;
    assert!(retry(said.last().unwrap(), "not ended within"), "{:?}", said.last());
    assert!(said.len() <= 10, "{} reports in 3 s", said.len());
}

#[tokio::test]
async fn of_what_it_prints_the_last_is_kept() {
    let mut output = Output::of(None, None);
    assert_eq!(output.next().await, None);
    let script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; exit 1";
    assert!(retry(&end_of(script).await, "exit 1: line 2999"));
    output.drain().await;
    assert!(output.tail().is_empty());
}
