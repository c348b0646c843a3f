//! Orders that take part of the detection out of service, or say that people work in a zone.

use muster_core::{Input, Millis, Part, PrincipalIx, Target};

use super::lines::split;
use super::words;
use crate::config::Config;

/// A bypass, planned work, or the end of either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLine {
    /// Line.
    pub line: usize,
    /// When.
    pub at: Millis,
    /// People work in a zone; else a source or channel is bypassed.
    pub is_work: bool,
    /// Zone, source or channel id.
    pub id: String,
    /// For how long; none: it ends.
    pub for_ms: Option<Millis>,
    /// Principal id: its owner.
    pub by: String,
    /// Why, in a line; empty at its end.
    pub reason: String,
}

impl ServiceLine {
    /// `work battery-room for 240min by anna because …`, `bypass node-1.smoke over by anna`; none if it is neither.
    pub(super) fn parse((line, at): (usize, Millis), what: &str) -> Option<Self> {
        let (verb, rest) = split(what);
        let (id, rest) = split(rest);
        let (how, rest) = split(rest);
        let (for_ms, rest) = match how {
            "for" => {
                let (time, rest) = split(rest);
                (Some(words::duration(time)?), rest)
            }
            "over" => (None, rest),
            _ => return None,
        };
        let (by, rest) = split(rest.strip_prefix("by ")?);
        let reason = rest.strip_prefix("because ").unwrap_or_default();
        let is_whole = if for_ms.is_some() {
            !reason.is_empty()
        } else {
            rest.is_empty()
        };
        (matches!(verb, "work" | "bypass") && is_whole).then(|| Self {
            line,
            at,
            is_work: verb == "work",
            id: id.into(),
            for_ms,
            by: by.into(),
            reason: reason.into(),
        })
    }

    /// What it is of, in a room's config; a source before a channel of the same name.
    pub(super) fn target(&self, config: &Config) -> Option<Target> {
        let of = |part| config.site.target(part, &self.id);
        if self.is_work {
            return of(Part::Zone);
        }
        of(Part::Source).or_else(|| of(Part::Channel))
    }

    /// As the decision takes it.
    pub(super) fn input(&self, config: &Config) -> Option<Input> {
        let by = config.site.principals.iter().position(|p| p.id == self.by)?;
        Some(Input::Bypass {
            by: PrincipalIx(u16::try_from(by).ok()?),
            target: self.target(config)?,
            until: self.for_ms.map(|ms| self.at + ms),
            reason: self.reason.clone(),
            nonce: 0,
        })
    }
}
