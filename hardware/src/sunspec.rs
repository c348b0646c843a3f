//! Where a SunSpec device keeps one of its models. The map begins with the letters `SunS` at one of three addresses; after
//! them each model says its number and its length, and 0xFFFF ends them (SunSpec Device Information Model, 6.1).

use std::ops::RangeInclusive;

use crate::{Block, Table};

/// Where the map may begin.
const STARTS: [u16; 3] = [40_000, 50_000, 0];
/// `SunS`.
const MARKER: [u16; 2] = [0x5375, 0x6E53];
/// What stands instead of a model's number behind the last one.
const END: u16 = 0xFFFF;
/// More models than any device has; a map that goes in circles ends here.
const MOST_MODELS: usize = 64;
/// What a scale factor may be, a power of ten.
const EXPONENTS: RangeInclusive<i16> = -10..=10;

/// A search for a model, without I/O: whoever reads gives it the answers.
#[derive(Clone, Debug)]
pub struct Search {
    model: u16,
    at: At,
    seen: Vec<u16>,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// Which of the starts is looked at.
    Start(usize),
    /// A model's head, and how many there were before it.
    Model(u16, usize),
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read this, and give the answer to [`Search::answer`].
    Read(Block),
    /// The register of the model's number.
    Found(u16),
    /// The device has no such model.
    Missing,
}

impl Search {
    /// For a model, and what to read first.
    #[must_use]
    pub const fn new(model: u16) -> (Self, Step) {
        let search = Self {
            model,
            at: At::Start(0),
            seen: Vec::new(),
        };
        (search, Step::Read(pair(STARTS[0])))
    }

    /// For every model there is: it ends behind the last one, and [`Search::models`] says which there were.
    #[must_use]
    pub const fn all() -> (Self, Step) {
        Self::new(END)
    }

    /// Numbers of the models it has passed, in their order.
    #[must_use]
    pub fn models(&self) -> &[u16] {
        &self.seen
    }

    /// Takes what was read; none where the device refused it.
    pub fn answer(&mut self, words: Option<&[u16]>) -> Step {
        let next = match self.at {
            At::Start(n) if words == Some(&MARKER) => Some(At::Model(STARTS[n] + 2, 0)),
            At::Start(n) => (n + 1 < STARTS.len()).then_some(At::Start(n + 1)),
            At::Model(at, before) => match words {
                Some(&[found, _]) if found == self.model => return Step::Found(at),
                Some(&[found, length]) if found != END && before < MOST_MODELS => {
                    self.seen.push(found);
                    let behind = at.checked_add(2).and_then(|at| at.checked_add(length));
                    behind.map(|at| At::Model(at, before + 1))
                }
                _ => None,
            },
        };
        let Some(next) = next else { return Step::Missing };
        self.at = next;
        Step::Read(pair(match next {
            At::Start(n) => STARTS[n],
            At::Model(at, _) => at,
        }))
    }
}

/// The power of ten in a register; none where the device does not implement it.
#[must_use]
pub fn scale_factor(word: u16) -> Option<i16> {
    Some(word.cast_signed()).filter(|exponent| EXPONENTS.contains(exponent))
}

const fn pair(start: u16) -> Block {
    Block {
        table: Table::Holding,
        start,
        count: 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches in registers from an address on.
    fn search(model: u16, start: u16, words: &[u16]) -> Step {
        let read = |block: Block| {
            let from = usize::from(block.start.checked_sub(start)?);
            words.get(from..from + 2)
        };
        let (mut search, mut step) = Search::new(model);
        while let Step::Read(block) = step {
            step = search.answer(read(block));
        }
        step
    }

    #[test]
    fn a_model_is_found_wherever_the_map_begins() {
        let map = [0x5375, 0x6E53, 1, 2, 0, 0, 802, 1, 0, 0xFFFF, 0];
        for start in STARTS {
            assert_eq!(search(802, start, &map), Step::Found(start + 6));
            assert_eq!(search(803, start, &map), Step::Missing);
        }
        assert_eq!(search(802, 40_001, &map), Step::Missing);
    }

    #[test]
    fn all_models_are_named_up_to_the_end_or_where_the_map_breaks_off() {
        let named = |map: &[u16]| {
            let (mut search, mut step) = Search::all();
            while let Step::Read(block) = step {
                let from = block.start.checked_sub(40_000).map(usize::from);
                step = search.answer(from.and_then(|from| map.get(from..from + 2)));
            }
            search.models().to_vec()
        };
        assert_eq!(named(&[0x5375, 0x6E53, 1, 1, 0, 802, 0, 0xFFFF, 0]), [1, 802]);
        assert_eq!(named(&[0x5375, 0x6E53, 1, 1, 0, 802, 0]), [1, 802], "no end");
        assert_eq!(named(&[0, 0, 1, 1]), [0; 0]);
    }

    #[test]
    fn a_map_that_goes_in_circles_or_past_the_end_is_none() {
        let circle = [0x5375, 0x6E53]
            .into_iter()
            .chain([1, 0].repeat(200))
            .collect::<Vec<_>>();
        assert_eq!(search(802, 40_000, &circle), Step::Missing);
        assert_eq!(search(802, 40_000, &[0x5375, 0x6E53, 1, 0xFFF0]), Step::Missing);
    }

    #[test]
    fn a_factor_that_is_not_implemented_is_none() {
        assert_eq!(scale_factor(0x8000), None);
        assert_eq!(
            (scale_factor(0xFFFE), scale_factor(10), scale_factor(11)),
            (Some(-2), Some(10), None)
        );
    }
}
