//! How long to wait before the next attempt: twice as long each time, and never in step with anybody else.

use std::time::Duration;

use super::port::FaultKind;

const FIRST: Duration = Duration::from_millis(250);
/// A broker that is back is found within this.
const LONGEST: Duration = Duration::from_secs(8);
/// Two gateways with one client id throw each other out for as long as both try: ever more slowly.
const LONGEST_TAKEN_OVER: Duration = Duration::from_secs(60);
/// A line that stood for so long was well: the next attempt comes at once again.
const WELL: Duration = Duration::from_secs(30);

pub(super) struct Pause {
    next: Duration,
}

impl Pause {
    pub(super) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// The pause after a line that was well for so long. Half of it is drawn.
    pub(super) fn after(&mut self, well_for: Duration, kind: FaultKind) -> Duration {
        if well_for >= WELL && kind != FaultKind::TakenOver {
            self.next = FIRST;
        }
        if kind == FaultKind::Owed {
            return FIRST / 2;
        }
        let longest = match kind {
            FaultKind::TakenOver => LONGEST_TAKEN_OVER,
            FaultKind::Version | FaultKind::Other | FaultKind::Owed => LONGEST,
        };
        let pause = self.next.min(longest);
        self.next = (pause * 2).min(longest);
        let mut drawn = [0];
        // Without randomness it is the shortest of what it may be.
        let _ = getrandom::fill(&mut drawn);
        pause / 2 + pause / 2 * u32::from(drawn[0]) / 255
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest_of(attempts: u32, well_for: Duration, kind: FaultKind) -> (Duration, Duration) {
        let mut pause = Pause::new();
        let all: Vec<_> = (0..attempts).map(|_| pause.after(well_for, kind)).collect();
        (all[0], *all.iter().max().unwrap_or(&Duration::ZERO))
    }

    #[test]
    fn it_grows_up_to_a_bound_and_begins_anew_after_a_line_that_was_well() {
        let (first, longest) = longest_of(200, Duration::ZERO, FaultKind::Other);
        assert!(
            first <= FIRST && longest > LONGEST / 2 && longest <= LONGEST,
            "{first:?} {longest:?}"
        );
        let (_, longest) = longest_of(200, WELL, FaultKind::Other);
        assert!(longest <= FIRST, "{longest:?}");
    }

    #[test]
    fn two_gateways_of_one_name_throw_each_other_out_ever_more_slowly() {
        let (_, longest) = longest_of(200, WELL, FaultKind::TakenOver);
        assert!(
            longest > LONGEST_TAKEN_OVER / 2 && longest <= LONGEST_TAKEN_OVER,
            "{longest:?}"
        );
    }

    #[test]
    fn no_two_wait_in_step() {
        let pauses: std::collections::BTreeSet<_> = (0..20)
            .map(|_| Pause::new().after(Duration::ZERO, FaultKind::Other))
            .collect();
        assert!(pauses.len() > 1, "{pauses:?}");
    }
}
