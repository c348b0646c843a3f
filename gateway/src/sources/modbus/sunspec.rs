//! Looks for a SunSpec model on a fresh connection.

use std::collections::BTreeMap;

use muster_profiles::sunspec::{Search, Step, scale_factor};
use muster_profiles::{Block, Profile, Table};

use super::failure::Failure;
use super::link::{Answer, Link};

/// A model that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Address of the register that holds its number.
    pub(super) base: u16,
    /// Scale factors by their offset, powers of ten; those the device does not implement are missing.
    pub(super) factors: BTreeMap<u16, i16>,
}

/// Looks for a model, and reads its scale factors: they stay as they are as long as the device runs.
pub(super) async fn find(link: Link, model: u16, profile: &Profile) -> Result<(Link, Found), Failure> {
    let (mut link, base) = locate(link, model).await?;
    let mut factors = BTreeMap::new();
    for offset in profile.scale_factors() {
        let block = Block {
            table: Table::Holding,
            start: base.checked_add(offset).ok_or(Failure::NoModel { model })?,
            count: 1,
        };
        let (next, words) = registers(link, block).await?;
        link = next;
        let exponent = words.and_then(|words| scale_factor(*words.first()?));
        factors.extend(exponent.map(|exponent| (offset, exponent)));
    }
    Ok((link, Found { base, factors }))
}

async fn locate(mut link: Link, model: u16) -> Result<(Link, u16), Failure> {
    let (mut search, mut step) = Search::new(model);
    loop {
        match step {
            Step::Read(block) => {
                let (next, words) = registers(link, block).await?;
                link = next;
                step = search.answer(words.as_deref());
            }
            Step::Found(base) => return Ok((link, base)),
            Step::Missing => return Err(Failure::NoModel { model }),
        }
    }
}

/// Registers, or none where the device refuses them.
async fn registers(link: Link, block: Block) -> Result<(Link, Option<Vec<u16>>), Failure> {
    let (link, answer) = link.read(block).await?;
    Ok(match answer {
        Answer::Words(words) => (link, Some(words)),
        Answer::Refused(_) => (link, None),
    })
}
