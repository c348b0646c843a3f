//! Writes down what a device answers, as lines of a recording (`muster_profiles::capture`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use muster_profiles::sunspec::{Search, Step};
use muster_profiles::{Block, Profile, Table};

use super::failure::Failure;
use super::link::{Answer, Link, To};
use crate::config::Port;

/// Looks at one device again and again, and says only what has changed.
pub struct Recorder {
    to: To,
    blocks: Vec<Block>,
    link: Link,
    said: BTreeMap<Block, String>,
}

impl Recorder {
    /// For a device at a port. Registers it does not answer for within `within` are silent.
    #[must_use]
    pub fn new(port: Port, unit: u8, within: Duration, blocks: Vec<Block>) -> Self {
        Self {
            to: To { unit, within },
            blocks,
            link: Link::new(port),
            said: BTreeMap::new(),
        }
    }

    /// For all that a profile reads. Of a SunSpec model the way to it too, so that a recording can be searched as the device
    /// itself.
    ///
    /// # Errors
    /// One line: the device cannot be reached, or has no such model.
    pub async fn of_profile(port: Port, unit: u8, profile: &Profile) -> Result<Self, String> {
        let within = Duration::from_millis(profile.head.timeout_ms);
        let mut recorder = Self::new(port, unit, within, Vec::new());
        let (mut base, mut way) = (0, Vec::new());
        if let Some(model) = profile.sunspec_model {
            (base, way) = recorder.search(model).await?;
        }
        let own = profile.reads().into_iter().filter_map(|block| {
            let start = block.start.checked_add(base)?;
            Some(Block { start, ..block })
        });
        recorder.blocks = way.into_iter().chain(own).collect();
        Ok(recorder)
    }

    async fn search(&mut self, model: u16) -> Result<(u16, Vec<Block>), String> {
        let (mut search, mut step) = Search::new(model);
        let mut way = Vec::new();
        loop {
            match step {
                Step::Read(block) => {
                    way.push(block);
                    let answer = self.read(block).await.map_err(|failure| failure.line())?;
                    let words = if let Answer::Words(words) = &answer {
                        Some(&words[..])
                    } else {
                        None
                    };
                    step = search.answer(words);
                }
                Step::Found(base) => return Ok((base, way)),
                Step::Missing => return Err(Failure::NoModel { model }.line()),
            }
        }
    }

    /// One look: a line for every block that has changed, or has stopped or begun to answer. How many answered, too.
    pub async fn look(&mut self) -> (Vec<String>, usize) {
        let (mut lines, mut answered) = (Vec::new(), 0);
        for block in self.blocks.clone() {
            let answer = self.read(block).await;
            answered += usize::from(answer.is_ok());
            let line = said(block, &answer);
            if self
                .said
                .insert(block, line.clone())
                .is_none_or(|before| before != line)
            {
                lines.push(line);
            }
        }
        (lines, answered)
    }

    async fn read(&mut self, block: Block) -> Result<Answer, Failure> {
        self.link.read(self.to, block).await
    }
}

fn said(block: Block, answer: &Result<Answer, Failure>) -> String {
    let (table, start, count) = (word(block.table), block.start, block.count);
    match answer {
        Ok(Answer::Words(words)) => {
            let mut line = format!("{table} {start}:");
            for word in words {
                let bits = block.table.is_bits();
                // Writing to a String cannot fail.
                let _ = if bits {
                    write!(line, " {word}")
                } else {
                    write!(line, " 0x{word:04X}")
                };
            }
            line
        }
        Ok(Answer::Refused(code)) => format!("refused {table} {start} {count}: {code}"),
        Err(failure) => format!("silent {table} {start} {count}: {}", failure.line()),
    }
}

const fn word(table: Table) -> &'static str {
    match table {
        Table::Holding => "holding",
        Table::Input => "input",
        Table::Coil => "coil",
        Table::Discrete => "discrete",
    }
}
