//! How often a receiver has really done something, where it tells: the one thing that its answers do not show.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::raw::Raw;

/// It has to be read within this.
const LIMIT: Duration = Duration::from_secs(10);
/// Key of the question, where it goes over HTTP.
const KEY: &str = "effects";

/// Where it tells.
#[derive(Clone, Debug)]
pub enum Effects {
    /// JSON `{"effects": {"<key>": count}}`, asked for with a signature over an empty body.
    Url(Url),
    /// A file with a line for each effect, whose first word is the key.
    File(PathBuf),
}

/// Why they cannot be counted.
#[derive(Debug, thiserror::Error)]
pub(super) enum EffectsError {
    #[error("{path} cannot be read: {source}", path = path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("they are asked for over HTTP with a webhook's secret, and there is none")]
    NoSecret,
    #[error("the answer to the question for its effects: {0}")]
    Answer(String),
}

impl Effects {
    pub(super) async fn count(&self, raw: Option<&Raw>) -> Result<BTreeMap<String, u64>, EffectsError> {
        match self {
            Self::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => Ok(tally(&text)),
                // A receiver that has done nothing may have written nothing.
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
                Err(source) => Err(EffectsError::File {
                    path: path.clone(),
                    source,
                }),
            },
            Self::Url(url) => {
                let asked = raw.ok_or(EffectsError::NoSecret)?.get(url, KEY);
                let answer = tokio::time::timeout(LIMIT, asked).await;
                let answer = answer.map_err(|_| EffectsError::Answer("none within 10 s".into()))?;
                parse(&answer.map_err(EffectsError::Answer)?)
            }
        }
    }
}

fn tally(text: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for key in text.lines().filter_map(|line| line.split_whitespace().next()) {
        *counts.entry(key.to_owned()).or_default() += 1;
    }
    counts
}

fn parse(body: &str) -> Result<BTreeMap<String, u64>, EffectsError> {
    #[derive(serde::Deserialize)]
    struct Told {
        effects: BTreeMap<String, u64>,
    }
    serde_json::from_str::<Told>(body)
        .map(|told| told.effects)
        .map_err(|cause| EffectsError::Answer(cause.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{parse, tally};

    #[test]
    fn both_ways_of_telling() {
        let counts = tally("a.b done\n\n  a.b again\nc\n");
        assert_eq!((counts["a.b"], counts["c"], counts.len()), (2, 1, 2));
        assert_eq!(parse(r#"{"schema":1,"effects":{"a":2}}"#).unwrap()["a"], 2);
        for wrong in ["", "[]", r#"{"effects":[]}"#, r#"{"effects":{"a":-1}}"#] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
