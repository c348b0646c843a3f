//! A dry contact on a pin.

use embedded_hal::digital::InputPin;
use muster_wire::{Absence, Micro};

use crate::Sensor;

/// How a contact rests. The pin has a pull-up and the contact pulls it to ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// Closes when it speaks: a low pin is 1.
    NormallyOpen,
    /// Opens when it speaks: a high pin is 1, and so is a cut wire.
    NormallyClosed,
}

/// `k` of the last `n` samples have to agree before the contact's state changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debounce {
    k: u8,
    n: u8,
}

impl Debounce {
    /// `None` unless n/2 < k ≤ n ≤ 32: with less than a majority both states could hold at once.
    #[must_use]
    pub const fn new(k: u8, n: u8) -> Option<Self> {
        if n <= 32 && k <= n && k > n / 2 {
            Some(Self { k, n })
        } else {
            None
        }
    }
}

/// What most of the last samples say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Majority {
    debounce: Debounce,
    /// The last samples, newest in bit 0.
    history: u32,
    seen: u8,
    state: Option<bool>,
}

impl Majority {
    /// Nothing is known yet.
    pub(crate) const fn of(debounce: Debounce) -> Self {
        Self {
            debounce,
            history: 0,
            seen: 0,
            state: None,
        }
    }

    /// Takes a sample; `None` until enough agree for the first time.
    pub(crate) fn settle(&mut self, active: bool) -> Option<bool> {
        let Debounce { k, n } = self.debounce;
        self.history = self.history << 1 | u32::from(active);
        self.seen = (self.seen + 1).min(n);
        let window = self.history & (u32::MAX >> (32 - self.seen));
        let ones = window.count_ones();
        if ones >= u32::from(k) {
            self.state = Some(true);
        } else if u32::from(self.seen) - ones >= u32::from(k) {
            self.state = Some(false);
        }
        self.state
    }
}

/// A debounced contact: 1 while it speaks, 0 while it rests, `warmup` until `k` samples agree, `bus` where the pin fails.
#[derive(Debug)]
pub struct Contact<P> {
    pin: P,
    wiring: Wiring,
    majority: Majority,
}

impl<P: InputPin> Contact<P> {
    /// A contact nothing is known of yet.
    pub const fn new(pin: P, wiring: Wiring, debounce: Debounce) -> Self {
        Self {
            pin,
            wiring,
            majority: Majority::of(debounce),
        }
    }
}

impl<P: InputPin> Sensor for Contact<P> {
    fn sample(&mut self) -> Result<Micro, Absence> {
        let active = match self.wiring {
            Wiring::NormallyOpen => self.pin.is_low(),
            Wiring::NormallyClosed => self.pin.is_high(),
        };
        let state = self.majority.settle(active.map_err(|_| Absence::Bus)?);
        let state = state.ok_or(Absence::Warmup)?;
        Ok(if state { Micro(muster_wire::MICRO) } else { Micro(0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_hal::digital::{Error, ErrorKind, ErrorType};

    /// Plays levels: `L`, `H`, or a failing pin.
    struct Played<'a>(core::str::Chars<'a>);

    #[derive(Debug)]
    struct Failed;

    impl Error for Failed {
        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    impl ErrorType for Played<'_> {
        type Error = Failed;
    }

    impl InputPin for Played<'_> {
        fn is_high(&mut self) -> Result<bool, Failed> {
            match self.0.next() {
                Some('H') => Ok(true),
                Some('L') => Ok(false),
                _ => Err(Failed),
            }
        }

        fn is_low(&mut self) -> Result<bool, Failed> {
            self.is_high().map(|high| !high)
        }
    }

    fn play(levels: &str, wiring: Wiring, k: u8, n: u8, expected: &str) {
        let mut contact = Contact::new(Played(levels.chars()), wiring, Debounce::new(k, n).unwrap());
        for (at, expected) in expected.chars().enumerate() {
            let said = match contact.sample() {
                Ok(Micro(0)) => '0',
                Ok(Micro(1_000_000)) => '1',
                Err(Absence::Warmup) => 'w',
                Err(Absence::Bus) => 'b',
                _ => '?',
            };
            assert_eq!(said, expected, "sample {at} of {levels}");
        }
    }

    #[test]
    fn debounces_both_ways() {
        play("HHHLHHLHLLHH", Wiring::NormallyOpen, 2, 3, "w00000001110");
        play("LLHHLL", Wiring::NormallyClosed, 1, 1, "001100");
    }

    #[test]
    fn warms_up_and_survives_a_failing_pin() {
        play("HLHLHH", Wiring::NormallyClosed, 3, 4, "wwwww1");
        play("LLxLHxL", Wiring::NormallyOpen, 3, 3, "wwb11b1");
    }

    #[test]
    fn a_debounce_needs_a_majority() {
        for (k, n, allowed) in [
            (0, 0, false),
            (1, 2, false),
            (2, 3, true),
            (4, 3, false),
            (17, 32, true),
            (33, 33, false),
        ] {
            assert_eq!(Debounce::new(k, n).is_some(), allowed, "{k} of {n}");
        }
    }
}
