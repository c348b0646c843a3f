//! The least that still goes wrong: events are left out by halves, then one by one, as long as it still does.

/// So many plays at most.
const TRIALS: u32 = 400;

/// The smallest part of `all` that was found for which `fails` holds; `all` itself has to fail.
pub(crate) fn smallest(all: &[usize], mut fails: impl FnMut(&[usize]) -> bool) -> Vec<usize> {
    let mut kept = all.to_vec();
    let (mut piece, mut trials) = (kept.len().div_ceil(2).max(1), 0);
    loop {
        let before = kept.len();
        let mut at = 0;
        while at < kept.len() && trials < TRIALS {
            let end = (at + piece).min(kept.len());
            let without = [&kept[..at], &kept[end..]].concat();
            trials += 1;
            if fails(&without) {
                kept = without;
            } else {
                at = end;
            }
        }
        if trials >= TRIALS || (piece == 1 && kept.len() == before) {
            return kept;
        }
        piece = if piece > 1 { piece.div_ceil(2) } else { 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::smallest;

    #[test]
    fn what_has_no_part_in_it_is_left_out() {
        let all: Vec<usize> = (0..37).collect();
        let mut trials = 0;
        let found = smallest(&all, |some| {
            trials += 1;
            some.contains(&5) && some.contains(&31)
        });
        assert_eq!(found, [5, 31]);
        assert!(trials < 100, "{trials}");
        assert_eq!(smallest(&all, |_| true), [0; 0]);
        assert_eq!(smallest(&[4], |some| some.contains(&4)), [4]);
        assert_eq!(smallest(&all, |some| some.len() == 37), all);
    }
}
