//! One signal of a device: where it stands and what it means.

use muster_wire::{Absence, MICRO, Micro, Quantity};

use crate::device::may_be;
use crate::meaning::credible;
use crate::{Encoding, Scale, Table};

/// One signal of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Unique in the profile, `[a-z0-9_-]{1,32}`.
    pub name: String,
    /// Which address space.
    pub table: Table,
    /// First address, 0-based.
    pub address: u16,
    /// What stands there.
    pub encoding: Encoding,
    /// What one step of it is worth.
    pub scale: Scale,
    /// Bit patterns that mean "no value".
    pub sentinels: Vec<u32>,
    /// What it measures.
    pub quantity: Quantity,
    /// Polled at the fastest rate and sent on the lane of alarms.
    pub trip: bool,
    /// A bit that is 0 while its fact holds (fail-safe contact).
    pub invert: bool,
    /// Offset of the register with its SunSpec scale factor, a power of ten on top of `scale`.
    pub scale_from: Option<u16>,
    /// Of a register that holds a state: the numbers that make the signal 1. Empty where it is a number.
    pub states: Vec<i64>,
    /// Of a register that holds a state: the numbers that make the signal 0, while every other makes it 1, such as 0 of a
    /// register of many faults. Empty where it is a number, or where `states` says what makes it 1.
    pub none_of: Vec<i64>,
    /// Signals of this profile that take its meaning away while one of them is 1: on battery in a self-test is not on battery.
    pub unless_signals: Vec<String>,
}

impl Signal {
    /// Registers or bits it takes: 1 or 2.
    #[must_use]
    pub const fn words(&self) -> u16 {
        self.encoding.words()
    }

    /// Whether it is 0 or 1 by its make (else a number).
    pub(crate) fn is_state(&self) -> bool {
        self.encoding.is_bit() || !self.none_of.is_empty() || !self.states.is_empty()
    }

    /// First address behind it.
    pub(crate) const fn end(&self) -> u32 {
        self.address as u32 + self.words() as u32
    }

    /// Whether a channel of this signal may be declared as `quantity`: its own, or, for a contact, any other contact.
    #[must_use]
    pub fn may_be(&self, quantity: Quantity) -> bool {
        may_be(self.quantity, quantity)
    }

    /// The value of its registers (of a bit table: 0 or 1), in exact integer arithmetic.
    ///
    /// # Errors
    /// [`Absence::Bus`] for a sentinel or the wrong number of registers, [`Absence::Open`] and [`Absence::Short`] for the
    /// wires of a pair, [`Absence::Range`] for a value that the quantity cannot have.
    pub fn decode(&self, words: &[u16]) -> Result<Micro, Absence> {
        self.decode_times(words, 0)
    }

    /// As [`Signal::decode`], times a power of ten, `-10` to `10`.
    ///
    /// # Errors
    /// As [`Signal::decode`].
    pub fn decode_times(&self, words: &[u16], exponent: i16) -> Result<Micro, Absence> {
        let pattern = self.encoding.pattern(words).ok_or(Absence::Bus)?;
        if self.sentinels.contains(&pattern) {
            return Err(Absence::Bus);
        }
        if let Some(fault) = self.encoding.wire_fault(pattern) {
            return Err(fault);
        }
        let raw = self.encoding.micro(pattern).ok_or(Absence::Bus)?;
        let is_in = |states: &[i64]| states.iter().any(|state| Micro::from_units(*state) == Some(raw));
        match (&*self.states, &*self.none_of) {
            ([], []) => {}
            ([], none_of) => return Ok(Micro(i64::from(!is_in(none_of)) * MICRO)),
            (states, _) => return Ok(Micro(i64::from(is_in(states)) * MICRO)),
        }
        let raw = if self.invert { Micro(MICRO - raw.0) } else { raw };
        let value = self
            .scale
            .times(exponent)
            .and_then(|s| s.apply(raw))
            .ok_or(Absence::Range)?;
        if credible(self.quantity, value) {
            Ok(value)
        } else {
            Err(Absence::Range)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WordOrder;

    fn signal(encoding: Encoding, scale: Scale, quantity: Quantity) -> Signal {
        Signal {
            name: "s".into(),
            table: Table::Holding,
            address: 0,
            encoding,
            scale,
            sentinels: Vec::new(),
            quantity,
            trip: false,
            invert: false,
            scale_from: None,
            states: Vec::new(),
            none_of: Vec::new(),
            unless_signals: Vec::new(),
        }
    }

    #[test]
    fn values_that_the_quantity_cannot_have_are_out_of_range() {
        let tenth = Scale::decimal("0.1").unwrap();
        let hot = signal(Encoding::I16, tenth, Quantity::Temperature);
        assert_eq!(hot.decode(&[2_000]), Ok(Micro(200_000_000)));
        assert_eq!(hot.decode(&[2_001]), Err(Absence::Range));
        assert_eq!(hot.decode(&[(-401_i16) as u16]), Err(Absence::Range));
        assert_eq!(hot.decode(&[(-400_i16) as u16]), Ok(Micro(-40_000_000)));
        let charge = signal(Encoding::U16, Scale::fraction(1, 51_200).unwrap(), Quantity::Charge);
        assert_eq!(charge.decode(&[0xFFFF]), Err(Absence::Range), "127.99 percent");
    }

    #[test]
    fn a_sentinel_is_no_value_whatever_its_sign() {
        let mut s = signal(Encoding::I16, Scale::ONE, Quantity::Current);
        s.sentinels = vec![0x8000];
        assert_eq!(s.decode(&[0x8000]), Err(Absence::Bus));
        assert_eq!(s.decode(&[0x8001]), Err(Absence::Range));
        s.encoding = Encoding::U32(WordOrder::Little);
        s.sentinels = vec![0x0001_FFFF];
        assert_eq!(
            s.decode(&[0xFFFF, 0x0001]),
            Err(Absence::Bus),
            "in the order of its words"
        );
    }

    #[test]
    fn a_fail_safe_contact_is_turned_round() {
        let mut s = signal(Encoding::Single, Scale::ONE, Quantity::FireAlarm);
        assert_eq!(s.decode(&[1]), Ok(Micro(1_000_000)));
        s.invert = true;
        assert_eq!(s.decode(&[1]), Ok(Micro(0)));
        assert_eq!(s.decode(&[0]), Ok(Micro(1_000_000)));
    }

    /// A broken wire is neither an alarm nor all well, whichever of the two it is and whatever the contact does.
    #[test]
    fn a_pair_of_inputs_tells_a_broken_wire_from_rest_and_from_an_alarm() {
        let s = signal(Encoding::Pair, Scale::ONE, Quantity::FireAlarm);
        assert_eq!(s.decode(&[0, 1]), Ok(Micro(0)), "at rest");
        assert_eq!(s.decode(&[1, 0]), Ok(Micro(1_000_000)));
        assert_eq!(s.decode(&[0, 0]), Err(Absence::Open));
        assert_eq!(s.decode(&[1, 1]), Err(Absence::Short));
        assert_eq!(s.decode(&[1]), Err(Absence::Bus));
    }

    #[test]
    fn a_contact_in_a_whole_register_is_0_or_1_only() {
        let s = signal(Encoding::U16, Scale::ONE, Quantity::Contact);
        assert_eq!(s.decode(&[1]), Ok(Micro(1_000_000)));
        assert_eq!(s.decode(&[2]), Err(Absence::Range));
        let half = signal(Encoding::U16, Scale::decimal("0.5").unwrap(), Quantity::Contact);
        assert_eq!(half.decode(&[1]), Err(Absence::Range));
    }

    #[test]
    fn a_power_of_ten_comes_on_top_of_the_scale() {
        let s = signal(Encoding::U16, Scale::decimal("0.01").unwrap(), Quantity::Charge);
        let of = |exponent| s.decode_times(&[875], exponent);
        assert_eq!(of(-1), Ok(Micro(875_000)), "87.5 percent");
        assert_eq!((of(0), of(10)), (Err(Absence::Range), Err(Absence::Range)));
        assert_eq!(of(-10), Ok(Micro(0)));
    }

    #[test]
    fn a_state_is_one_of_a_list() {
        let mut s = signal(Encoding::U16, Scale::ONE, Quantity::OnBattery);
        s.states = vec![5, 6];
        let of = |word| s.decode(&[word]).map(|m| m.0);
        assert_eq!((of(5), of(3), of(6)), (Ok(MICRO), Ok(0), Ok(MICRO)));
    }

    #[test]
    fn anything_but_zero_is_a_fault_of_many() {
        let mut s = signal(Encoding::U32(WordOrder::Big), Scale::ONE, Quantity::Fault);
        (s.none_of, s.sentinels) = (vec![0], vec![0xFFFF_FFFF]);
        let of = |words: [u16; 2]| s.decode(&words).map(|m| m.0);
        assert_eq!((of([0, 0]), of([0, 1]), of([0x8000, 0])), (Ok(0), Ok(MICRO), Ok(MICRO)));
        assert_eq!(of([0xFFFF, 0xFFFF]), Err(Absence::Bus));
    }

    #[test]
    fn a_float_is_a_number_and_nothing_else() {
        let s = signal(
            Encoding::F32(WordOrder::Big),
            Scale::decimal("0.1").unwrap(),
            Quantity::Voltage,
        );
        let of = |value: f32| {
            let bits = value.to_bits();
            s.decode(&[(bits >> 16) as u16, bits as u16])
        };
        assert_eq!(of(2_305.0), Ok(Micro(230_500_000)));
        assert_eq!(of(f32::NAN), Err(Absence::Bus));
        assert_eq!(of(f32::INFINITY), Err(Absence::Bus));
        assert_eq!(of(1e9), Err(Absence::Range));
    }

    #[test]
    fn the_wrong_number_of_registers_is_no_value() {
        let s = signal(Encoding::U32(WordOrder::Big), Scale::ONE, Quantity::Runtime);
        assert_eq!(s.decode(&[1]), Err(Absence::Bus));
        assert_eq!(s.decode(&[]), Err(Absence::Bus));
        assert_eq!(s.decode(&[1, 2, 3]), Err(Absence::Bus));
    }

    #[test]
    fn only_a_contact_may_become_another_contact() {
        let contact = signal(Encoding::Single, Scale::ONE, Quantity::Contact);
        assert!(contact.may_be(Quantity::FireAlarm) && contact.may_be(Quantity::Contact));
        assert!(!contact.may_be(Quantity::Charge));
        let charge = signal(Encoding::U16, Scale::ONE, Quantity::Charge);
        assert!(charge.may_be(Quantity::Charge) && !charge.may_be(Quantity::Load));
    }
}
