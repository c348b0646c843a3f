//! Where a SunSpec device keeps one of its models. The map begins with the letters `SunS` at one of three addresses; after
//! them each model says its number and its length, and 0xFFFF ends them (SunSpec Device Information Model, 6.1).

use std::collections::BTreeMap;

use muster_profiles::{Block, Profile, Table};

use super::failure::Failure;
use super::link::{Answer, Link};

/// Where the map may begin.
const STARTS: [u16; 3] = [40_000, 50_000, 0];
/// `SunS`.
const MARKER: [u16; 2] = [0x5375, 0x6E53];
/// What stands instead of a model's number behind the last one.
const END: u16 = 0xFFFF;
/// More models than any device has; a map that goes in circles ends here.
const MOST_MODELS: usize = 64;
/// What a scale factor may be, powers of ten.
const EXPONENTS: std::ops::RangeInclusive<i16> = -10..=10;

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
        let at = base.checked_add(offset).ok_or(Failure::NoModel { model })?;
        let (next, words) = registers(link, at, 1).await?;
        link = next;
        let exponent = words.and_then(|words| words.first().map(|word| word.cast_signed()));
        factors.extend(exponent.filter(|e| EXPONENTS.contains(e)).map(|e| (offset, e)));
    }
    Ok((link, Found { base, factors }))
}

async fn locate(mut link: Link, model: u16) -> Result<(Link, u16), Failure> {
    for start in STARTS {
        let (next, words) = registers(link, start, 2).await?;
        link = next;
        if words.as_deref() == Some(&MARKER) {
            return walk(link, start + 2, model).await;
        }
    }
    Err(Failure::NoModel { model })
}

async fn walk(mut link: Link, mut at: u16, model: u16) -> Result<(Link, u16), Failure> {
    for _ in 0..MOST_MODELS {
        let (next, words) = registers(link, at, 2).await?;
        link = next;
        match words.as_deref() {
            Some(&[found, _]) if found == model => return Ok((link, at)),
            Some(&[found, length]) if found != END => {
                let behind = at.checked_add(2).and_then(|at| at.checked_add(length));
                at = behind.ok_or(Failure::NoModel { model })?;
            }
            _ => break,
        }
    }
    Err(Failure::NoModel { model })
}

/// Registers, or none where the device refuses them.
async fn registers(link: Link, start: u16, count: u16) -> Result<(Link, Option<Vec<u16>>), Failure> {
    let block = Block {
        table: Table::Holding,
        start,
        count,
    };
    let (link, answer) = link.read(block).await?;
    Ok(match answer {
        Answer::Words(words) => (link, Some(words)),
        Answer::Refused(_) => (link, None),
    })
}
