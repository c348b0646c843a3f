//! How a step that was accepted goes on: what a receiver says at `progress_url`, and how it proves that it may.

use hmac::Mac;
use muster_core::{HookOutcome, Mode};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::envelope::webhook_id;
use super::{note, signing};

/// Bytes a report of progress may have.
pub const MAX_BYTES: usize = 4_096;

/// Why a report of progress is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    /// No bearer, or another step's, or the drill's for the live step.
    #[error("the bearer is not this step's")]
    Bearer,
    /// Longer than [`MAX_BYTES`].
    #[error("progress of {0} bytes; at most 4096")]
    Oversized(usize),
    /// Not the document of the contract.
    #[error("progress is {{\"state\": \"running\"|\"done\"|\"failed\", \"percent\": 0 to 100, \"note\": text}}")]
    Malformed(#[source] serde_json::Error),
    /// More than all of it.
    #[error("{0} percent")]
    Percent(u64),
}

/// The bearer that a receiver shows for one step: hex HMAC-SHA256 of its `webhook-id`.
#[must_use]
pub fn bearer(key: &[u8; 32], webhook_id: &str) -> String {
    let mut mac = signing::keyed(key);
    mac.update(webhook_id.as_bytes());
    mac.finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether `shown` is the bearer of this step, in a time that does not depend on where it differs.
#[must_use]
pub fn verify(key: &[u8; 32], webhook_id: &str, shown: &str) -> bool {
    bearer(key, webhook_id).as_bytes().ct_eq(shown.as_bytes()).into()
}

/// Checks a report as it came in: `authorization` is the header as a whole. `mode` is the step's, so that what is left
/// of a drill cannot speak for the live step.
///
/// # Errors
/// A wrong bearer, before anything else is looked at; then a body that is not the contract's.
pub fn accept(
    key: &[u8; 32],
    (mode, incident, step): (Mode, &str, &str),
    authorization: Option<&str>,
    body: &[u8],
) -> Result<HookOutcome, ProgressError> {
    let shown = authorization.and_then(token_of).ok_or(ProgressError::Bearer)?;
    if !verify(key, &webhook_id(mode, incident, step), shown) {
        return Err(ProgressError::Bearer);
    }
    parse(body)
}

/// What a report of progress, or the answer at a `Location`, means. Unknown fields are skipped.
///
/// # Errors
/// Too long, not the contract's document, or more than 100 percent.
pub fn parse(body: &[u8]) -> Result<HookOutcome, ProgressError> {
    outcome(read::<State>(body)?)
}

/// As [`parse`], with the words that HTTP has a status for: what a hook says that has no status to answer with, a program
/// on its stdout or a receiver over MQTT. `refused` is 409, `retry` is 503.
///
/// # Errors
/// As [`parse`].
pub fn parse_answer(body: &[u8]) -> Result<HookOutcome, ProgressError> {
    let report = read::<Word>(body)?;
    let state = match report.state {
        Word::Refused => return Ok(HookOutcome::TokenRefused),
        Word::Retry => {
            let cause = reason(report.note.as_deref(), "not now");
            return Ok(HookOutcome::Retry { cause });
        }
        Word::Running => State::Running,
        Word::Done => State::Done,
        Word::Failed => State::Failed,
    };
    outcome(Report {
        state,
        percent: report.percent,
        note: report.note,
    })
}

fn read<'a, S: Deserialize<'a>>(body: &'a [u8]) -> Result<Report<S>, ProgressError> {
    if body.len() > MAX_BYTES {
        return Err(ProgressError::Oversized(body.len()));
    }
    serde_json::from_slice(body).map_err(ProgressError::Malformed)
}

fn outcome(report: Report<State>) -> Result<HookOutcome, ProgressError> {
    let percent = report.percent.map(checked_percent).transpose()?;
    Ok(match report.state {
        State::Running => HookOutcome::Running { percent },
        State::Done => HookOutcome::Done,
        State::Failed => HookOutcome::Cannot {
            note: reason(report.note.as_deref(), "failed, and gave no reason"),
        },
    })
}

#[derive(Deserialize)]
struct Report<S> {
    state: S,
    percent: Option<u64>,
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Running,
    Done,
    Failed,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Running,
    Done,
    Failed,
    Refused,
    Retry,
}

fn checked_percent(percent: u64) -> Result<u8, ProgressError> {
    u8::try_from(percent)
        .ok()
        .filter(|percent| *percent <= 100)
        .ok_or(ProgressError::Percent(percent))
}

fn reason(words: Option<&str>, without: &str) -> String {
    let words = note::clean(words.unwrap_or_default().as_bytes());
    if words.is_empty() { without.to_owned() } else { words }
}

/// The scheme's name is case-insensitive (RFC 9110 §11.1).
fn token_of(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [9; 32];
    const STEP: (Mode, &str, &str) = (Mode::Live, "pangyo-1", "db.move.evacuate.daejeon");

    fn header(mode: Mode) -> String {
        format!("Bearer {}", bearer(&KEY, &webhook_id(mode, STEP.1, STEP.2)))
    }

    #[test]
    fn takes_the_three_states() {
        let at = |body: &str| accept(&KEY, STEP, Some(&header(Mode::Live)), body.as_bytes()).unwrap();
        assert_eq!(
            at(r#"{"state":"running","percent":40}"#),
            HookOutcome::Running { percent: Some(40) }
        );
        assert_eq!(
            at(r#"{"state":"running","x":[1]}"#),
            HookOutcome::Running { percent: None }
        );
        assert_eq!(
            at(r#"{"state":"done","percent":100,"note":"moved"}"#),
            HookOutcome::Done
        );
        assert_eq!(
            at(r#"{"state":"failed","note":"no\nroom"}"#),
            HookOutcome::Cannot { note: "no room".into() }
        );
        assert!(matches!(at(r#"{"state":"failed"}"#), HookOutcome::Cannot { note } if !note.is_empty()));
    }

    #[test]
    fn refuses_every_other_bearer() {
        let good = header(Mode::Live);
        for wrong in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some(&good[7..]),
            Some(&good[..good.len() - 1]),
        ] {
            assert!(matches!(
                accept(&KEY, STEP, wrong, br#"{"state":"done"}"#),
                Err(ProgressError::Bearer)
            ));
        }
        let drill = header(Mode::Drill);
        assert!(matches!(
            accept(&KEY, STEP, Some(&drill), br#"{"state":"done"}"#),
            Err(ProgressError::Bearer)
        ));
        assert!(
            accept(
                &KEY,
                STEP,
                Some(&good.replace("Bearer", "bearer")),
                br#"{"state":"done"}"#
            )
            .is_ok()
        );
        for at in 7..good.len() {
            let mut flipped = good.clone().into_bytes();
            flipped[at] ^= 1;
            let flipped = String::from_utf8(flipped).unwrap();
            assert!(matches!(
                accept(&KEY, STEP, Some(&flipped), b"{}"),
                Err(ProgressError::Bearer)
            ));
        }
    }

    #[test]
    fn refused_and_retry_are_words_only_where_there_is_no_status() {
        let refused = br#"{"state":"refused"}"#;
        assert_eq!(parse_answer(refused).unwrap(), HookOutcome::TokenRefused);
        assert!(matches!(parse(refused), Err(ProgressError::Malformed(_))));
        let retry = |cause: &str| HookOutcome::Retry { cause: cause.into() };
        assert_eq!(parse_answer(br#"{"state":"retry"}"#).unwrap(), retry("not now"));
        let noted = br#"{"state":"retry","note":"busy"}"#;
        assert_eq!(parse_answer(noted).unwrap(), retry("busy"));
        assert_eq!(parse_answer(br#"{"state":"done"}"#).unwrap(), HookOutcome::Done);
        for wrong in ["", "[]", "{}", r#"{"state":"accepted"}"#] {
            assert!(parse_answer(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn refuses_every_other_document() {
        for wrong in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"state":"DONE"}"#,
            r#"{"state":1}"#,
            r#"{"state":"running","percent":-1}"#,
            r#"{"state":"running","percent":1e999}"#,
            r#"{"state":"running","percent":50.5}"#,
            r#"{"state":"done"} x"#,
            r#"{"state":"done","state":"failed"}"#,
            r#"{"state":"done","note":7}"#,
            r#"{"state":"do"#,
        ] {
            assert!(
                matches!(parse(wrong.as_bytes()), Err(ProgressError::Malformed(_))),
                "{wrong}"
            );
        }
        assert!(matches!(
            parse(br#"{"state":"running","percent":101}"#),
            Err(ProgressError::Percent(101))
        ));
        assert!(matches!(
            parse(&[b' '; MAX_BYTES + 1]),
            Err(ProgressError::Oversized(_))
        ));
        let deep = "[".repeat(4_000);
        assert!(matches!(
            parse(format!(r#"{{"x":{deep}"#).as_bytes()),
            Err(ProgressError::Malformed(_))
        ));
    }
}
