//! Looks for a SunSpec model.

use std::collections::BTreeMap;

use muster_profiles::sunspec::{Search, Step, scale_factor};
use muster_profiles::{Block, Profile, Table};

use super::failure::Failure;
use super::link::{Answer, Link, To};

/// A model that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Address of the register that holds its number.
    pub(super) base: u16,
    /// Scale factors by their offset, powers of ten; those the device does not implement are missing.
    pub(super) factors: BTreeMap<u16, i16>,
}

/// Looks for a model, and reads its scale factors: they stay as they are as long as the device runs.
pub(super) async fn find(link: &mut Link, to: To, model: u16, profile: &Profile) -> Result<Found, Failure> {
    let base = locate(link, to, model).await?;
    let mut factors = BTreeMap::new();
    for offset in profile.scale_factors() {
        let block = Block {
            table: Table::Holding,
            start: base.checked_add(offset).ok_or(Failure::NoModel { model })?,
            count: 1,
        };
        let words = registers(link, to, block).await?;
        let exponent = words.and_then(|words| scale_factor(*words.first()?));
        factors.extend(exponent.map(|exponent| (offset, exponent)));
    }
    Ok(Found { base, factors })
}

async fn locate(link: &mut Link, to: To, model: u16) -> Result<u16, Failure> {
    let (mut search, mut step) = Search::new(model);
    loop {
        match step {
            Step::Read(block) => step = search.answer(registers(link, to, block).await?.as_deref()),
            Step::Found(base) => return Ok(base),
            Step::Missing => return Err(Failure::NoModel { model }),
        }
    }
}

/// Registers, or none where the device refuses them.
async fn registers(link: &mut Link, to: To, block: Block) -> Result<Option<Vec<u16>>, Failure> {
    Ok(match link.read(to, block).await? {
        Answer::Words(words) => Some(words),
        Answer::Refused(_) => None,
    })
}
