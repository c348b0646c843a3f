//! How far a node has been heard.

/// Boot and sequence of a pack, ordered by boot first.
///
/// Invariant 9: a message whose mark is not above its node's high-water mark, or that is retained, changes nothing but
/// counters. So a replayed capture, a reordered or doubled delivery and a cloned node that is behind decide nothing.
/// Numbers need not follow each other: a gap is packs lost, which is the node's to say, and never a reason to refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// Rises with every start of the node; kept by the node in memory that outlives power. At most `i64::MAX`.
    pub boot: u64,
    /// Counts the packs of one boot, on all topics together. At most `i64::MAX`.
    pub seq: u64,
}

impl Mark {
    /// Whether a pack with this mark comes after everything taken so far, this being the high-water mark: strictly above.
    #[must_use]
    pub fn admits(self, next: Self) -> bool {
        next > self
    }
}

#[cfg(test)]
mod tests {
    use super::Mark;

    #[test]
    fn only_what_is_strictly_above_is_admitted() {
        let high = Mark { boot: 7, seq: 100 };
        for (boot, seq, admitted) in [(7, 101, true), (8, 0, true), (7, 500, true)] {
            assert_eq!(high.admits(Mark { boot, seq }), admitted);
        }
        for (boot, seq) in [(7, 100), (7, 99), (6, u64::MAX), (0, 0)] {
            assert!(!high.admits(Mark { boot, seq }));
        }
    }
}
