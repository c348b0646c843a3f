//! The cases that every kind of hook has.

use std::collections::BTreeMap;
use std::time::Duration;

use muster_core::{Call, HookOutcome, Mode, Phase};
use serde_json::{Value, json};

use super::finding::Finding;
use super::first;
use super::play::{GATEWAYS, Played, Trial, is_taken};
use super::raw::words;
use crate::hooks::envelope::Envelope;
use crate::hooks::exec::was_called_wrongly;

/// Bytes of a large event; CloudEvents wants at most 64 KiB forwarded.
const LARGE: usize = 50_000;
/// A question is answered within this.
const ANSWER: Duration = Duration::from_secs(10);
/// The site that the incidents of a trial belong to.
const SITE: &str = "hooks-test";
/// A program has got this far when it is cut off.
const CUT_AFTER: Duration = Duration::from_millis(150);

const REMEMBER: &str = "remember the key with the effect, on disk, and answer a key you know as before";
const FENCE: &str = "keep the highest token acted on for each workload, on disk, and answer a lower one 409 (a program: \
                     print {\"state\":\"refused\"} and exit 1)";

/// The first call of all.
pub(super) async fn prepare(trial: &Trial) -> Finding {
    let finding = Finding::new("prepare", "a reversible step, signed and valid");
    let played = trial.play(&trial.step(Phase::Prepare)).await;
    let finding = finding.came(played.words());
    if let Some(found) = first::obstacle(trial, played.end.as_ref(), &finding) {
        return found;
    }
    match &played.end {
        Some(HookOutcome::Done) => finding,
        Some(HookOutcome::Cannot { .. }) if trial.options.workload.is_none() => finding.fail(
            "it cannot do a step of a workload that nobody has",
            "if it has to know the workload, name one with --workload; in a drill nothing happens to it",
        ),
        Some(HookOutcome::TokenRefused) => finding.fail(
            "it refuses the token",
            "it has acted on a higher one for this workload: give a higher --token",
        ),
        Some(end @ HookOutcome::Retry { cause }) if was_called_wrongly(end) => finding.fail(
            format!("it says that it was called wrongly: {cause}"),
            "give its arguments behind it, as in `-- CMD ARGUMENT`, or in `argv` of the config",
        ),
        _ => ended_badly(finding, &played),
    }
}

fn ended_badly(finding: Finding, played: &Played) -> Finding {
    let mend = "HOOKS.md says what each answer means; 202 needs an end at `progress_url` or at `Location`";
    let why = match &played.end {
        None => "it was accepted and never ended".to_owned(),
        Some(end) => format!("a valid step has to end as done; this one: {}", words(end)),
    };
    finding.fail(why, mend)
}

fn done_or(finding: Finding, played: &Played, why: &str, mend: &str) -> Finding {
    let finding = finding.came(played.words());
    if played.is_done() {
        finding
    } else {
        finding.fail(why, mend)
    }
}

/// As [`done_or`], where it is enough that the step was taken.
fn taken_or(finding: Finding, answer: &HookOutcome, why: &str, mend: &str) -> Finding {
    let finding = finding.came(words(answer));
    if is_taken(answer) {
        finding
    } else {
        finding.fail(why, mend)
    }
}

/// Everything about steps.
pub(super) async fn steps(trial: &Trial, tell: &mut dyn FnMut(Finding)) {
    let step = trial.step(Phase::Evacuate);
    evacuate(trial, &step).await.into_iter().for_each(&mut *tell);
    tell(again(trial, &step).await);
    tell(overtaken(trial, &step).await);
    verify(trial, &step, tell).await;
    tell(way_back(trial).await);
    tell(old_token(trial).await);
    tell(large_tokens(trial).await);
    tell(at_once(trial).await);
    tell(cut_off(trial).await);
    tell(unknown_fields(trial).await);
    tell(large(trial).await);
    tell(late(trial).await);
    tell(drill(trial).await);
}

async fn evacuate(trial: &Trial, step: &Call) -> [Finding; 2] {
    let played = trial.play(step).await;
    let finding = Finding::new("evacuate", "an irreversible step, to its end").came(played.words());
    let finding = if played.is_done() {
        finding
    } else {
        ended_badly(finding, &played)
    };
    let progress = Finding::new("progress", "a bearer, to report with").came(format!(
        "{} reports taken, {} refused",
        trial.ear.of(&trial.envelope(step).id).taken,
        trial.ear.refused().len()
    ));
    let progress = match trial.ear.refused().first() {
        Some(why) => progress.fail(
            why.clone(),
            "`Authorization: Bearer {progress_token}` of that very step, and the document of HOOKS.md",
        ),
        None if trial.raw.is_none() => progress.not_seen("only webhooks report over HTTP"),
        None if played.first == HookOutcome::Done => progress.not_seen("it is done at once and reports nothing"),
        None => progress,
    };
    [finding, progress]
}

async fn again(trial: &Trial, step: &Call) -> Finding {
    let played = trial.play(step).await;
    let finding = Finding::new(
        "again",
        "the same key once more, after its end; time and deadline differ",
    );
    done_or(
        finding,
        &played,
        "a key that is done has to be answered as done",
        REMEMBER,
    )
}

async fn overtaken(trial: &Trial, step: &Call) -> Finding {
    let later = trial.begin(&trial.step(Phase::Prepare)).await;
    let played = trial.play(step).await;
    let finding = Finding::new("ended-key", "a key that is done, after a later step of its workload");
    if !is_taken(&later) {
        return finding.came(words(&later)).fail("the later step was not taken", FENCE);
    }
    let why = "what has ended is answered as it ended, whatever came later: else the gateway never learns of it";
    done_or(finding, &played, why, "look for the key before you look at the token")
}

async fn old_token(trial: &Trial) -> Finding {
    let lower = trial.take_token();
    let higher = trial.begin(&trial.step(Phase::Prepare)).await;
    let step = trial.step_of(&trial.workload, Phase::Evacuate, lower);
    let played = trial.play(&step).await;
    let finding = Finding::new("old-token", "a new key with a token lower than one acted on").came(played.words());
    match (is_taken(&higher), &played.end) {
        (true, Some(HookOutcome::TokenRefused)) => finding,
        (false, _) => finding.fail("the step with the higher token was not taken", FENCE),
        _ => finding.fail(
            "it was not refused: two ways of saving one workload at once lose its data",
            FENCE,
        ),
    }
}

async fn large_tokens(trial: &Trial) -> Finding {
    let finding = Finding::new("large-tokens", "tokens beyond 2^63 that differ by one");
    if trial.options.workload.is_some() {
        return finding.not_seen("it would leave this workload behind a fence that nothing passes");
    }
    let workload = format!("{}-large", trial.workload);
    let token = (1 << 63) + 2;
    let higher = trial.begin(&trial.step_of(&workload, Phase::Evacuate, token)).await;
    let lower = trial.play(&trial.step_of(&workload, Phase::Prepare, token - 1)).await;
    let finding = finding.came(format!("{}; then the lower one: {}", words(&higher), lower.words()));
    if is_taken(&higher) && lower.end == Some(HookOutcome::TokenRefused) {
        return finding;
    }
    finding.fail(
        "they are not told apart, or not taken",
        "a token is an unsigned 64-bit integer: no float, no signed one (JavaScript: BigInt)",
    )
}

async fn at_once(trial: &Trial) -> Finding {
    let step = trial.step(Phase::Evacuate);
    let finding = Finding::new("at-once", format!("one new key, from {GATEWAYS} gateways at once"));
    let envelope = trial.envelope(&step);
    let answers = trial.answers_at_once(&step, &envelope).await;
    let played = trial.play(&step).await;
    let finding = finding.came(format!("{}; at the end {}", tally(&answers), played.words()));
    let bad = answers
        .iter()
        .find(|a| matches!(a, HookOutcome::Cannot { .. } | HookOutcome::TokenRefused));
    match bad {
        Some(bad) => finding.fail(
            format!(
                "one was answered `{}`, which ends the step though another call is doing it",
                words(bad)
            ),
            "answer as the first one, 202, or 503 while it is under way (a program: exit 75)",
        ),
        None if played.is_done() => finding,
        None => finding.fail("the step has not ended as done", REMEMBER),
    }
}

/// `3 done, 5 accepted`
fn tally(answers: &[HookOutcome]) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for word in answers.iter().map(words) {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, n)) => *n += 1,
            None => counts.push((word, 1)),
        }
    }
    let all: Vec<String> = counts.iter().map(|(word, n)| format!("{n} {word}")).collect();
    all.join(", ")
}

async fn cut_off(trial: &Trial) -> Finding {
    let finding = Finding::new("cut-off", "a program that is ended in the middle, then the same key");
    if trial.kind() != "exec" {
        return finding.not_seen("only programs can be ended by us; see cut-in-body and cut-before-answer");
    }
    let step = trial.step(Phase::Evacuate);
    let cut = trial.attempt(None, &step, CUT_AFTER).await;
    let played = trial.play(&step).await;
    if cut.is_some() {
        return finding.came(played.words()).not_seen("it had ended before");
    }
    let why = "after a SIGTERM the same key has to go on and end as done";
    done_or(
        finding,
        &played,
        why,
        "leave no lock behind: take it with flock, or remove it in a trap",
    )
}

/// The event with something changed in it.
fn changed(trial: &Trial, call: &Call, change: impl FnOnce(&mut Value)) -> Envelope {
    let mut envelope = trial.envelope(call);
    if let Ok(mut event) = serde_json::from_slice(&envelope.body) {
        change(&mut event);
        envelope.body = event.to_string().into_bytes();
    }
    envelope
}

async fn unknown_fields(trial: &Trial) -> Finding {
    let step = trial.step(Phase::Prepare);
    let envelope = changed(trial, &step, |event| {
        event["later"] = json!({ "version": [1, null] });
        event["data"]["later"] = json!("a field of a later version");
    });
    let answer = trial.begin_as(&step, &envelope).await;
    let finding = Finding::new("unknown-fields", "fields that this version has not got");
    taken_or(
        finding,
        &answer,
        "later versions add fields",
        "skip what you do not know",
    )
}

async fn large(trial: &Trial) -> Finding {
    let step = trial.step(Phase::Prepare);
    let envelope = changed(trial, &step, |event| {
        event["data"]["why"] = json!(["x".repeat(LARGE)]);
    });
    let answer = trial.begin_as(&step, &envelope).await;
    let finding = Finding::new("large", format!("an event of {} bytes", envelope.body.len()));
    taken_or(finding, &answer, "events have up to 64 KiB", "take bodies of 64 KiB")
}

async fn late(trial: &Trial) -> Finding {
    let mut step = trial.step(Phase::Evacuate);
    step.deadline = trial.clock.now() - 60_000;
    let answer = trial.begin(&step).await;
    let finding = Finding::new("late", "a new step whose deadline has passed").came(words(&answer));
    match &answer {
        HookOutcome::Cannot { .. } => finding,
        taken if is_taken(taken) => finding,
        _ => finding.fail(
            "the last rung is called until it is done, however late",
            "do it, or answer 422 (a program: exit 65) if it is of no use any more",
        ),
    }
}

/// The question whether an evacuation has taken place.
fn question(evacuation: &Call, token: u64) -> Call {
    Call {
        step: evacuation.step.replace(".evacuate.", ".verify."),
        phase: Phase::Verify,
        token,
        ..evacuation.clone()
    }
}

async fn verify(trial: &Trial, evacuated: &Call, tell: &mut dyn FnMut(Finding)) {
    let (lower, token) = (trial.take_token(), trial.take_token());
    let moved = trial.play(&question(evacuated, token)).await;
    let finding = Finding::new("verify", "whether the evacuated workload is safe");
    tell(done_or(
        finding,
        &moved,
        "it is not confirmed: the workload would count as unsafe for ever",
        "answer 200 once it is so, 503 while it may still become so (a program: exit 0, 75)",
    ));
    let answer = trial
        .begin(&trial.step_of(&trial.workload, Phase::Prepare, lower))
        .await;
    let finding = Finding::new("verify-fence", "a step whose token is lower than the question's");
    let mend = "keep tokens of `verify` out of it";
    tell(taken_or(finding, &answer, "questions raise no fence", mend));
    tell(verify_unmoved(trial, token).await);
}

async fn verify_unmoved(trial: &Trial, token: u64) -> Finding {
    let finding = Finding::new("verify-unmoved", "whether a workload is safe that nobody has evacuated");
    if trial.options.workload.is_some() {
        return finding.not_seen("this workload has been evacuated in the trial");
    }
    let never = trial.step_of(&format!("{}-never", trial.workload), Phase::Evacuate, token);
    let answer = trial.attempt(None, &question(&never, token), ANSWER).await;
    let finding = finding.came(answer.as_ref().map_or_else(|| "no answer".into(), words));
    match answer {
        Some(HookOutcome::Cannot { .. } | HookOutcome::Retry { .. }) => finding,
        _ => finding.fail(
            "it says so without looking",
            "ask the world, not your notes: 422 or 503 as long as it has not really moved",
        ),
    }
}

/// After the incident: back to where it was, and whether it runs there again.
async fn way_back(trial: &Trial) -> Finding {
    let finding = Finding::new(
        "way-back",
        "an evacuation, its restore, and whether it is at home again",
    );
    let there = trial.step(Phase::Evacuate);
    if !trial.play(&there).await.is_done() {
        return finding.not_seen("the evacuation has not ended as done");
    }
    let back = Call {
        step: there.step.replace(".evacuate.", ".restore."),
        phase: Phase::Restore,
        token: trial.take_token(),
        ..there.clone()
    };
    let restored = trial.play(&back).await;
    match &restored.end {
        Some(HookOutcome::Done) => {}
        Some(HookOutcome::Cannot { .. }) => {
            return finding
                .came(restored.words())
                .not_seen("it cannot restore: people bring it home by hand");
        }
        _ => return ended_badly(finding.came(restored.words()), &restored),
    }
    let home = Call {
        step: format!("{}.move.verify.{SITE}", there.workload),
        phase: Phase::Verify,
        destination: Some(SITE.to_owned()),
        token: trial.take_token(),
        ..there
    };
    let answer = trial.play(&home).await;
    done_or(
        finding,
        &answer,
        "the site itself as the destination asks whether it is at home again, and that is not confirmed: no return ends",
        "after a restore answer 200 to `verify` with the site as its destination; HOOKS.md, \"The way back\"",
    )
}

/// A drill, and then the same step for real.
async fn drill(trial: &Trial) -> Finding {
    let finding = Finding::new(
        "drill",
        "a drill with a high token, then the same step live with a lower one",
    );
    if !trial.options.live {
        return finding.not_seen("nothing is called live without --live");
    }
    let live = trial.step(Phase::Evacuate);
    let drill = Call {
        mode: Mode::Drill,
        token: live.token + 1_000,
        ..live.clone()
    };
    let (drilled, lived) = (trial.play(&drill).await, trial.play(&live).await);
    let finding = finding.came(format!("{}; live: {}", drilled.words(), lived.words()));
    if drilled.is_done() && lived.is_done() {
        return finding;
    }
    finding.fail(
        "a drill has to end as the real step would, and must not stand in its way",
        "drills have keys and fences of their own",
    )
}

/// After a restart of the receiver.
pub(super) async fn restart(trial: &Trial) -> Finding {
    let finding = Finding::new("restart", "after its restart: a key that is done, and an old token");
    let Some((known, lower)) = trial.remembered() else {
        return finding.not_seen("no step has ended as done before");
    };
    let again = trial.play(&known).await;
    let old = trial
        .play(&trial.step_of(&trial.workload, Phase::Evacuate, lower))
        .await;
    let finding = finding.came(format!("{}; the old token: {}", again.words(), old.words()));
    if !again.is_done() {
        return finding.fail("it has forgotten a key", REMEMBER);
    }
    if old.end != Some(HookOutcome::TokenRefused) {
        return finding.fail("it has forgotten its fence", FENCE);
    }
    finding
}

/// What it has really done, where it tells.
pub(super) async fn once(trial: &Trial) -> Finding {
    let finding = Finding::new("once", "how often each key had its effect");
    let Some(effects) = &trial.options.effects else {
        return finding.not_seen(
            "effects are not seen from outside: look into its own records, or tell where to count them with --effects",
        );
    };
    let counts = match effects.count(trial.raw.as_ref()).await {
        Ok(counts) => counts,
        Err(cause) => return finding.fail(cause.to_string(), "--effects takes what HOOKS.md says"),
    };
    judge(finding, trial, &counts)
}

fn judge(finding: Finding, trial: &Trial, counts: &BTreeMap<String, u64>) -> Finding {
    let done = trial.done_keys();
    let ours: Vec<&String> = counts.keys().filter(|key| trial.is_ours(key)).collect();
    let finding = finding.came(format!("{} keys done, {} with an effect", done.len(), ours.len()));
    if let Some(key) = ours.iter().find(|key| key.starts_with("drill.")) {
        let why = format!("the drill {key} has really changed something");
        return finding.fail(why, "in a drill change nothing");
    }
    let may = trial.begun_keys();
    if let Some(key) = ours.iter().find(|key| !done.contains(key) && !may.contains(key)) {
        let why = format!("{key} had an effect, and was refused");
        return finding.fail(why, "check everything before the effect");
    }
    if let Some(key) = ours.iter().find(|key| counts[**key] > 1) {
        let why = format!("{key} had its effect {} times", counts[*key]);
        return finding.fail(why, "make the effect and remember the key in one transaction");
    }
    // What is still under way may have its effect later; what has ended has had it.
    let missing = |key: &&String| !key.starts_with("drill.") && !counts.contains_key(*key);
    match done.iter().find(missing) {
        Some(key) => finding.fail(
            format!("{key} has ended as done, and had no effect"),
            "say done when it is done, not before",
        ),
        None => finding,
    }
}
