//! Where a message goes: `muster/v1/{site}/{node}/{data|alarm|birth|state|ack}` and `…/cmd/{verb}`.
//!
//! | topic | sent by | payload |
//! |---|---|---|
//! | `data`, `alarm`, `birth` | node | one SenML pack |
//! | `state` | node and its last will, the only retained one | [`ONLINE`] or [`OFFLINE`] |
//! | `ack` | gateway | one SenML pack of nothing but `boot` and `seq`: the mark taken durably |
//! | `cmd/{verb}` | gateway | one SenML pack |

use core::fmt;

/// First segment of every topic.
pub const PREFIX: &str = "muster";

/// Second segment of every topic: the version of everything a node and a gateway say to each other.
///
/// The version rule. Within `v1` may change: new topic kinds, new verbs, new record names, new SenML fields whose name
/// does not end in `_` (old readers skip them), new units, new absence words (old readers see text, which is not a value).
/// `v2` is forced by: a changed meaning, unit or encoding of anything that exists, a changed id rule or size limit, a
/// field that must be understood by every reader, a changed rule of `boot` and `seq`. Gateways then speak both versions;
/// the golden bytes of `v1` stay in the tests for as long as `v1` is read.
pub const VERSION: &str = "v1";

/// Longest id, in bytes.
pub const MAX_ID_BYTES: usize = 32;

/// Longest topic, in bytes: `muster/v1/{32}/{32}/cmd/{32}`.
pub const MAX_TOPIC_BYTES: usize = PREFIX.len() + VERSION.len() + "cmd".len() + 3 * MAX_ID_BYTES + 5;

/// Payload of `state` while a node is connected.
pub const ONLINE: &str = "online";

/// Payload of `state` as the node's last will. May raise trouble, never clear it.
pub const OFFLINE: &str = "offline";

/// Whether this is an id: `[a-z0-9-]{1,32}`.
#[must_use]
pub fn is_id(word: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&word.len()) && word.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// What a topic is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicKind<'a> {
    /// Readings at their usual pace.
    Data,
    /// Readings beyond a node's own threshold; a path of their own, so that no flood of data delays them.
    Alarm,
    /// All channels, after a (re)connect.
    Birth,
    /// [`ONLINE`] or [`OFFLINE`], retained.
    State,
    /// The mark the gateway has taken durably.
    Ack,
    /// An order to the node; the verb is an id.
    Cmd(&'a str),
}

impl TopicKind<'_> {
    /// The segment after the node; of a command the one before its verb.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Alarm => "alarm",
            Self::Birth => "birth",
            Self::State => "state",
            Self::Ack => "ack",
            Self::Cmd(_) => "cmd",
        }
    }
}

/// A topic of ours, taken apart. [`fmt::Display`] puts it together again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Topic<'a> {
    /// An id.
    pub site: &'a str,
    /// An id; the client id and the certificate's name are the same.
    pub node: &'a str,
    /// What it is for.
    pub kind: TopicKind<'a>,
}

/// Why a topic is not one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// Does not begin with [`PREFIX`].
    #[error("not a topic under `muster/`")]
    Foreign,
    /// A version this build does not speak.
    #[error("version of the topic is not `v1`")]
    Version,
    /// Site, node or verb is not `[a-z0-9-]{1,32}`.
    #[error("site, node or verb is not `[a-z0-9-]{{1,32}}`")]
    Id,
    /// No such kind, or segments too few or too many.
    #[error("no such kind of topic")]
    Kind,
}

impl<'a> Topic<'a> {
    /// Takes a topic apart.
    ///
    /// # Errors
    /// What about it is not ours.
    pub fn parse(topic: &'a str) -> Result<Self, TopicError> {
        let mut parts = topic.split('/');
        if parts.next() != Some(PREFIX) {
            return Err(TopicError::Foreign);
        }
        if parts.next() != Some(VERSION) {
            return Err(TopicError::Version);
        }
        let mut id = || parts.next().filter(|part| is_id(part)).ok_or(TopicError::Id);
        let (site, node) = (id()?, id()?);
        let kind = kind(parts.next(), parts.next())?;
        if parts.next().is_some() {
            return Err(TopicError::Kind);
        }
        Ok(Self { site, node, kind })
    }
}

fn kind<'a>(word: Option<&str>, verb: Option<&'a str>) -> Result<TopicKind<'a>, TopicError> {
    match (word, verb) {
        (Some("data"), None) => Ok(TopicKind::Data),
        (Some("alarm"), None) => Ok(TopicKind::Alarm),
        (Some("birth"), None) => Ok(TopicKind::Birth),
        (Some("state"), None) => Ok(TopicKind::State),
        (Some("ack"), None) => Ok(TopicKind::Ack),
        (Some("cmd"), Some(verb)) if is_id(verb) => Ok(TopicKind::Cmd(verb)),
        (Some("cmd"), Some(_)) => Err(TopicError::Id),
        _ => Err(TopicError::Kind),
    }
}

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { site, node, kind } = self;
        write!(f, "{PREFIX}/{VERSION}/{site}/{node}/{}", kind.as_str())?;
        match kind {
            TopicKind::Cmd(verb) => write!(f, "/{verb}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_ours() {
        for (topic, error) in [
            ("", TopicError::Foreign),
            ("/muster/v1/a/b/data", TopicError::Foreign),
            ("muster", TopicError::Version),
            ("muster/v2/a/b/data", TopicError::Version),
            ("muster/v1", TopicError::Id),
            ("muster/v1/a", TopicError::Id),
            ("muster/v1//b/data", TopicError::Id),
            ("muster/v1/A/b/data", TopicError::Id),
            ("muster/v1/+/b/data", TopicError::Id),
            ("muster/v1/a/b", TopicError::Kind),
            ("muster/v1/a/b/", TopicError::Kind),
            ("muster/v1/a/b/data/", TopicError::Kind),
            ("muster/v1/a/b/data/x", TopicError::Kind),
            ("muster/v1/a/b/cmd", TopicError::Kind),
            ("muster/v1/a/b/cmd/", TopicError::Id),
            ("muster/v1/a/b/cmd/x/y", TopicError::Kind),
            ("muster/v1/a/b/DATA", TopicError::Kind),
        ] {
            assert_eq!(Topic::parse(topic), Err(error), "{topic}");
        }
    }

    #[test]
    fn an_id_is_1_to_32_bytes_of_the_small_alphabet() {
        assert!(is_id("a") && is_id("room-1-gas-0") && is_id("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
        assert!(!is_id("") && !is_id("a b") && !is_id("é") && !is_id("a\0") && !is_id("a_b"));
        assert!(!is_id("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    }
}
