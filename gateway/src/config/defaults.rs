//! Limits and times of a channel that does not name its own, and where each number comes from.

use std::num::NonZeroU64;

use muster_core::{Checks, Millis};
use muster_wire::{MICRO, Micro, Quantity, Unit};

/// Samples beyond a limit that decide: one sample never does.
pub(super) const K: u8 = 2;

/// See [`K`].
pub(super) const N: u8 = 3;

/// Without a good sample for this long a channel is in trouble: three missed beats of a node that speaks every 5 s, and
/// far below the 100 s of EN 54-2 and the 200 s of NFPA 72.
pub(super) const SUPERVISION_MS: Millis = 15_000;

/// `watch` and `alarm`, both above, in micro-units.
pub(super) const fn limits(quantity: Quantity) -> (Option<Micro>, Option<Micro>) {
    match quantity {
        // Alarm: static response of an EN 54-5 A1R heat detector as built, 60 °C (range of A1: 54 to 65 °C).
        // Watch: half-way between its typical use, 25 to 30 °C, and that.
        Quantity::Temperature => (units(45), units(60)),
        // 0.1 % by volume for early alert, 0.4 % (10 % of the lower flammable limit) to warn; rooms of lead-acid
        // batteries are ventilated to stay below 1 % (IEEE 1635).
        Quantity::Hydrogen => (units(1_000), units(4_000)),
        // Very early warning, NFPA 76: alert 0.2 %/ft, alarm 1.0 %/ft; a foot is 0.3048 m and 1 − (1 − x)^(1/0.3048)
        // makes that 0.65 and 3.2 %/m.
        Quantity::Smoke => (Some(Micro(650_000)), Some(Micro(3_200_000))),
        // Off-gas sensors answer to tens of ppm; their makers publish no more.
        Quantity::Voc => (units(10), units(30)),
        // Domestic alarms (EN 50291-1) must stay silent at 30 ppm for 2 h and sound at 100 ppm within 40 min; vent gas of
        // Li-ion cells is a fifth carbon monoxide.
        Quantity::CarbonMonoxide => (units(30), units(100)),
        // Another system has already decided.
        Quantity::FireAlarm | Quantity::SuppressionDischarge | Quantity::BatteryAlarm | Quantity::EmergencyPowerOff => {
            (None, units(1))
        }
        // A first stage has decided nothing yet; on the generator one more fault ends the power. Somebody has to look.
        // On battery is `prepare` by its quantity, once it has lasted as long as any other limit.
        Quantity::FireWarning | Quantity::OnGenerator | Quantity::Leak | Quantity::OnBattery => (units(1), None),
        // A fault is trouble, a runtime is runway: none of them votes. What the others mean depends on the device.
        Quantity::Fault
        | Quantity::GeneratorRunning
        | Quantity::Door
        | Quantity::Humidity
        | Quantity::Voltage
        | Quantity::Current
        | Quantity::Power
        | Quantity::Charge
        | Quantity::Load
        | Quantity::Runtime
        | Quantity::Contact
        | Quantity::Counter => (None, None),
    }
}

/// What a channel is held against beside its limits.
pub(super) fn checks(quantity: Quantity) -> Checks {
    let rate = |units: u64| NonZeroU64::new(units * MICRO as u64);
    let none = Checks {
        // A limit is left after a minute below clear: a channel that chatters is one alarm (ISA-18.2 calls it off-delay).
        off_ms: 60_000,
        ..Checks::default()
    };
    match quantity {
        Quantity::Temperature => Checks {
            // Three times the fastest mean rise on record, 10.5 °C/s (NCM523; incidents.md B2).
            jump: rate(30),
            // Air in a room in use is never the same to a hundredth of a degree for a day; ours.
            stuck_ms: NonZeroU64::new(24 * 3_600_000),
            // An EN 54-5 A1R detector as built takes a rise of more than 10 K/min as one (incidents.md B3).
            rise: rate(10),
            // Half the slowest fire that is to be seen, 0.005 °C/s; a hot day makes 3.
            trend: rate(9),
            ..none
        },
        // At this rate the watch limit is reached within an hour. Beside one LFP cell hydrogen rose for that long before
        // the heat (incidents.md B1).
        Quantity::Hydrogen => Checks {
            trend: rate(1_000),
            ..none
        },
        Quantity::Voc => Checks {
            trend: rate(10),
            ..none
        },
        Quantity::CarbonMonoxide => Checks {
            trend: rate(30),
            ..none
        },
        // The shortest batteries last 3 min (incidents.md C): 5 % of the charge a second is ten times that. UPSes have
        // said 1.7 % instead of 100 % for one poll.
        Quantity::Charge => Checks {
            jump: NonZeroU64::new(50_000),
            ..none
        },
        // What a UPS reports counts from the edge on, so the edge may not linger.
        Quantity::OnBattery => Checks::default(),
        _ => none,
    }
}

/// Where a limit clears if the file does not say: 5 °C back, a fifth of the limit back, and at once for contacts.
pub(super) const fn clear(quantity: Quantity, set: Micro, above: bool) -> Micro {
    let back = match quantity.unit() {
        Unit::Celsius => 5 * MICRO,
        Unit::Contact => 0,
        _ => (set.0.unsigned_abs() / 5) as i64,
    };
    Micro(if above {
        set.0.saturating_sub(back)
    } else {
        set.0.saturating_add(back)
    })
}

const fn units(units: i64) -> Option<Micro> {
    Micro::from_units(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_in_range_and_can_clear() {
        for quantity in Quantity::ALL.iter().copied() {
            let (low, high) = quantity.range_units();
            let (watch, alarm) = limits(quantity);
            for set in [watch, alarm].into_iter().flatten() {
                let clear = clear(quantity, set, true);
                assert!(
                    set.0 <= high * MICRO && clear.0 > low * MICRO && clear <= set,
                    "{quantity:?}"
                );
            }
            assert!(watch.is_none() || alarm.is_none() || watch < alarm, "{quantity:?}");
        }
    }

    #[test]
    fn a_foot_of_smoke_is_converted() {
        let per_metre = |per_foot: f64| 1e6 * 100.0 * (1.0 - (1.0 - per_foot / 100.0).powf(1.0 / 0.3048));
        let (watch, alarm) = limits(Quantity::Smoke);
        assert!(watch.is_some_and(|w| (w.0 as f64 - per_metre(0.2)).abs() < 10_000.0));
        assert!(alarm.is_some_and(|a| (a.0 as f64 - per_metre(1.0)).abs() < 50_000.0));
    }
}
