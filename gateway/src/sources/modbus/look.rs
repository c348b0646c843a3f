//! Who stands at an address: what a device says of itself, and whose map it has. For a person who asks once.

use std::sync::Arc;
use std::time::Duration;

use muster_core::{ChannelIx, SourceIx};
use muster_profiles::sunspec::{Search, Step};
use muster_profiles::{Block, Canary, Expect, Profile};
use muster_wire::{Absence, Micro};
use tokio::time::sleep;

use super::ModbusSource;
use super::failure::Failure;
use super::link::{Answer, Link, To};
use super::poller;
use crate::config::{ModbusWay, Port};

/// An answer later than this is none; slower than any shipped profile allows.
const WITHIN: Duration = Duration::from_secs(2);
/// Questions in all; beyond it everything counts as refused.
const QUESTIONS: usize = 60;
/// Questions without a proper answer after which there is nobody to talk to.
const SILENCES: usize = 4;
/// A counter that a live device moves has moved by then; the device whose counter is slower is not recognised.
const MOVES_WITHIN: Duration = Duration::from_secs(3);

/// What a device has shown of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Maker, product code, revision: as far as it says, in its own bytes. Escape them before a terminal sees them.
    pub identity: Vec<String>,
    /// Numbers of its SunSpec models.
    pub models: Vec<u16>,
    /// Profiles whose map it has: their SunSpec model is there, or their canary holds what only it holds.
    pub sure: Vec<String>,
    /// Profiles whose canary is not zero, or moves, as it may in any device.
    pub perhaps: Vec<String>,
    /// It gave a register, or said who it is. Else it refuses everything.
    pub answers: bool,
}

/// Asks a device at a port who it is and tries the canaries of `profiles`, with at most 60 reads over one connection
/// at a time.
///
/// # Errors
/// One line: it cannot be reached, or does not speak Modbus.
pub async fn explore(port: &Port, unit: u8, profiles: &[Profile]) -> Result<Seen, String> {
    let mut scout = Scout::new(port.clone(), unit);
    scout.all(profiles).await.map_err(|failure| failure.line())?;
    Ok(scout.seen)
}

/// One look at every signal of a profile, in its order, as polling would hear it.
///
/// # Errors
/// One line: why polling would discard it, such as a canary that does not hold.
pub async fn values(port: &Port, unit: u8, profile: &Profile) -> Result<Vec<(String, Result<Micro, Absence>)>, String> {
    let names = profile.signals.iter().map(|signal| signal.name.clone());
    let source = ModbusSource {
        source: SourceIx(0),
        id: port.to_string(),
        address: port.to_string(),
        channels: names.clone().zip((0..).map(ChannelIx)).collect(),
        poll_ms: None,
        way: ModbusWay {
            port: port.clone(),
            unit,
            profile: Arc::new(profile.clone()),
        },
    };
    let samples = poller::once(source).await.map_err(|failure| failure.line())?;
    let value = |channel| samples.iter().find(|s| s.channel == channel).map(|s| s.value);
    let all = names.zip((0..).map(ChannelIx));
    Ok(all
        .map(|(name, channel)| (name, value(channel).unwrap_or(Err(Absence::Bus))))
        .collect())
}

struct Scout {
    to: To,
    link: Link,
    questions: usize,
    silences: usize,
    seen: Seen,
}

impl Scout {
    fn new(port: Port, unit: u8) -> Self {
        Self {
            to: To { unit, within: WITHIN },
            link: Link::new(port),
            questions: 0,
            silences: 0,
            seen: Seen::default(),
        }
    }

    async fn all(&mut self, profiles: &[Profile]) -> Result<(), Failure> {
        self.identity().await?;
        self.models().await?;
        for profile in profiles {
            match (profile.sunspec_model, profile.canary) {
                (Some(model), _) if self.seen.models.contains(&model) => self.seen.sure.push(profile.name()),
                (None, Some(canary)) => self.canary(profile, canary).await?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn identity(&mut self) -> Result<(), Failure> {
        self.questions += 1;
        let said = self.link.identity(self.to).await;
        if let Some(identity) = self.or_silent(said)? {
            self.seen.answers |= !identity.is_empty();
            self.seen.identity = identity;
        }
        Ok(())
    }

    async fn models(&mut self) -> Result<(), Failure> {
        let (mut search, mut step) = Search::all();
        while let Step::Read(block) = step {
            step = search.answer(self.read(block).await?.as_deref());
        }
        self.seen.models = search.models().to_vec();
        Ok(())
    }

    async fn canary(&mut self, profile: &Profile, canary: Canary) -> Result<(), Failure> {
        let Some(words) = self.read(canary.block).await?.filter(|words| canary.holds(words)) else {
            return Ok(());
        };
        match canary.expect {
            Expect::Value(_) | Expect::Ascii => self.seen.sure.push(profile.name()),
            Expect::Moving { .. } => {
                sleep(MOVES_WITHIN).await;
                if self.read(canary.block).await?.is_some_and(|later| later != words) {
                    self.seen.perhaps.push(profile.name());
                }
            }
            Expect::Nonzero => self.seen.perhaps.push(profile.name()),
        }
        Ok(())
    }

    /// Registers, or none where it refuses them or says nothing.
    async fn read(&mut self, block: Block) -> Result<Option<Vec<u16>>, Failure> {
        if self.questions >= QUESTIONS {
            return Ok(None);
        }
        self.questions += 1;
        let answered = self.link.read(self.to, block).await;
        let words = self.or_silent(answered)?.and_then(|answer| match answer {
            Answer::Words(words) => Some(words),
            Answer::Refused(_) => None,
        });
        self.seen.answers |= words.is_some();
        Ok(words)
    }

    /// Devices fall silent, or hang up, at what they do not know; a few of those are borne.
    fn or_silent<T>(&mut self, answered: Result<T, Failure>) -> Result<Option<T>, Failure> {
        match answered {
            Ok(answer) => Ok(Some(answer)),
            // Nobody is there to be asked again.
            Err(failure @ (Failure::Connect { .. } | Failure::ConnectTimeout { .. })) => Err(failure),
            Err(failure) => {
                self.silences += 1;
                (self.silences < SILENCES).then_some(None).ok_or(failure)
            }
        }
    }
}
