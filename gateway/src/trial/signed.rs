//! Whether it believes only what the gateway has signed just now, and bears calls that are cut. What over HTTP needs
//! bent calls is for webhooks only.

use std::time::Duration;

use muster_core::{HookOutcome, Phase};

use super::finding::Finding;
use super::play::{Trial, is_taken};
use super::raw::{Cut, Headers, Raw, status, words};
use crate::hooks::envelope::Envelope;

/// Further off than the five minutes of Standard Webhooks. Seconds.
const OFF_S: i64 = 6 * 60;
/// Over MQTT one that is not believed is simply not answered.
const SILENCE: Duration = Duration::from_secs(3);

const CHECK: &str = "check id, timestamp and signature over the bytes as they came, before anything else; answer 401";

/// A way to bend a call, and its name.
type Bent = (&'static str, &'static str, fn(&Raw, &Envelope) -> (Headers, Vec<u8>));

const BENT: [Bent; 8] = [
    ("unsigned", "no signature", |raw, event| {
        let mut headers = raw.headers(&event.id, &event.body, 0);
        headers.signature = None;
        (headers, event.body.clone())
    }),
    ("no-headers", "none of the three headers", |_, event| {
        let (id, stamp, signature) = (None, None, None);
        (Headers { id, stamp, signature }, event.body.clone())
    }),
    ("wrong-signature", "a signature with another secret", |raw, event| {
        let mut headers = raw.headers(&event.id, &event.body, 0);
        let signed = headers.signature.take().unwrap_or_default();
        headers.signature = Some(signed.replace(|c: char| c.is_ascii_lowercase(), "A"));
        (headers, event.body.clone())
    }),
    (
        "changed-body",
        "a body that was changed after it was signed",
        |raw, event| {
            let mut body = event.body.clone();
            body.push(b' ');
            (raw.headers(&event.id, &event.body, 0), body)
        },
    ),
    ("other-id", "the signature of another key", |raw, event| {
        let mut headers = raw.headers("hooks-test-0.other", &event.body, 0);
        headers.id = Some(event.id.clone());
        (headers, event.body.clone())
    }),
    ("old", "signed six minutes ago", |raw, event| {
        (raw.headers(&event.id, &event.body, OFF_S), event.body.clone())
    }),
    ("future", "signed in six minutes", |raw, event| {
        (raw.headers(&event.id, &event.body, -OFF_S), event.body.clone())
    }),
    ("garbage", "signed garbage", |raw, event| {
        let body = b"{\"specversion\":\"1.0\",\"data\":[".to_vec();
        (raw.headers(&event.id, &body, 0), body)
    }),
];

/// All of them.
pub(super) async fn all(trial: &Trial, tell: &mut dyn FnMut(Finding)) {
    let Some(raw) = &trial.raw else {
        return tell(stranger(trial).await);
    };
    for bent in &BENT {
        tell(refused(trial, raw, bent).await);
    }
    tell(two_signatures(trial, raw).await);
    let (body, answer) = (
        ("cut-in-body", Cut::InTheBody),
        ("cut-before-answer", Cut::BeforeTheAnswer),
    );
    tell(cut_and_again(trial, raw, body).await);
    tell(cut_and_again(trial, raw, answer).await);
}

/// Refused, and without a trace: the good call that follows with the same key is taken.
async fn refused(trial: &Trial, raw: &Raw, (case, sent, bend): &Bent) -> Finding {
    let step = trial.step(Phase::Prepare);
    let (headers, body) = bend(raw, &trial.envelope(&step));
    let answered = raw.post(&headers, body).await;
    let finding = Finding::new(case, *sent).came(status(&answered));
    let good = trial.begin(&step).await;
    match answered {
        Ok(409 | 422) => finding.fail(
            "409 and 422 end a step: a gateway whose clock is off would give it up for good",
            "answer 401, or 400 what cannot be read",
        ),
        Ok(400..=599) if is_taken(&good) => finding,
        Ok(400..=599) => finding.fail(
            format!("the good call that followed with the same key: {}", words(&good)),
            "remember nothing of what you refuse",
        ),
        Ok(_) => finding.fail("it was believed", CHECK),
        Err(_) => finding.fail("it gave no answer", "answer every call; a gateway waits 10 s for it"),
    }
}

async fn two_signatures(trial: &Trial, raw: &Raw) -> Finding {
    let step = trial.step(Phase::Prepare);
    let event = trial.envelope(&step);
    let mut headers = raw.headers(&event.id, &event.body, 0);
    let good = headers.signature.take().unwrap_or_default();
    headers.signature = Some(format!("v1,AAAA v1a,BBBB {good}"));
    let answered = raw.post(&headers, event.body.clone()).await;
    let finding = Finding::new("two-signatures", "several signatures, one of which is right").came(status(&answered));
    let good = trial.begin(&step).await;
    match answered {
        Ok(200..=299) if is_taken(&good) => finding,
        _ => finding.fail(
            "while a secret is being changed there are several",
            "split webhook-signature at spaces; one that is right is enough",
        ),
    }
}

async fn cut_and_again(trial: &Trial, raw: &Raw, (case, cut): (&'static str, Cut)) -> Finding {
    let step = trial.step(Phase::Evacuate);
    let finding = Finding::new(case, "a connection that is cut, then the same key");
    match raw.cut(&trial.envelope(&step), cut).await {
        Ok(true) => {}
        Ok(false) => return finding.not_seen("cut over plain HTTP only"),
        Err(cause) => return finding.fail(format!("it could not be sent: {cause}"), "take every connection"),
    }
    let played = trial.play(&step).await;
    let finding = finding.came(played.words());
    if played.is_done() {
        return finding;
    }
    finding.fail(
        "the same key has to be done after a call that was cut",
        "act on whole bodies only, and answer a key you know as before",
    )
}

/// What is signed with another secret is not believed.
async fn stranger(trial: &Trial) -> Finding {
    let finding = Finding::new("wrong-signature", "a signature with another secret");
    let Some(stranger) = &trial.stranger else {
        return finding.not_seen("a program is started by the gateway itself; nothing is signed");
    };
    let step = trial.step(Phase::Prepare);
    let answer = trial.attempt(Some(stranger), &step, SILENCE).await;
    let finding = finding.came(answer.as_ref().map_or_else(|| "nothing".into(), words));
    let played = trial.play(&step).await;
    match answer {
        Some(HookOutcome::Done) => finding.fail("it was believed", CHECK),
        _ if played.is_done() => finding,
        _ => finding.fail(
            format!("the good call that followed with the same key: {}", played.words()),
            "remember nothing of what you refuse",
        ),
    }
}
