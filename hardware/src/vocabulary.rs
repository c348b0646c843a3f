//! One vocabulary: a signal that NUT has a name for is called the same in every profile. `nut/ups` is the list of them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::{Device, Meaning, shipped};

static NAMES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let Some(Device::Nut(ups)) = shipped("nut/ups") else {
        return BTreeMap::new();
    };
    let named = ups.signals.into_iter().map(|signal| {
        let name = match &signal.meaning {
            Meaning::Words { any_of, .. } => format!("{} {}", signal.variable, any_of.join("/")),
            _ => signal.variable,
        };
        (signal.name, name)
    });
    named.collect()
});

/// What NUT calls what a signal of this name says: a variable such as `battery.charge`, or one and its flag, such as
/// `ups.status OB`. None: NUT has no name for it.
#[must_use]
pub fn nut_name(signal: &str) -> Option<&'static str> {
    NAMES.get(signal).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped_names;
    use muster_wire::{Quantity, Unit};

    /// Every signal of every shipped profile: the profile, its name and what it measures.
    fn all() -> Vec<(&'static str, String, Quantity)> {
        let of = |profile: &'static str| {
            let device = shipped(profile).unwrap();
            let signals = device.signals().into_iter();
            signals
                .map(|s| (profile, s.name.to_owned(), s.quantity))
                .collect::<Vec<_>>()
        };
        shipped_names().flat_map(of).collect()
    }

    #[test]
    fn a_name_means_the_same_in_every_profile() {
        let mut known: BTreeMap<String, (&str, Quantity)> = BTreeMap::new();
        for (profile, name, quantity) in all() {
            let (first, as_was) = *known.entry(name.clone()).or_insert((profile, quantity));
            assert_eq!(as_was, quantity, "{name} of {profile} is not what it is in {first}");
        }
    }

    /// What measures a charge, a load, a runtime or the way the load is fed is called as in `nut/ups`, or says in its name of
    /// which part it is.
    #[test]
    fn what_nut_has_a_name_for_is_called_by_it() {
        let canonical = [
            (Quantity::Charge, "charge"),
            (Quantity::Load, "load"),
            (Quantity::Runtime, "runtime"),
            (Quantity::OnBattery, "on_battery"),
        ];
        for (profile, name, quantity) in all() {
            let Some((_, word)) = canonical.iter().find(|(q, _)| *q == quantity) else {
                continue;
            };
            assert!(
                name == *word || name.ends_with(&format!("_{word}")) || name.starts_with(&format!("{word}_")),
                "{profile}: {name} measures {word}"
            );
        }
        let others = [
            "battery_charge",
            "soc",
            "battery_runtime",
            "ups_load",
            "output_load",
            "low_battery",
            "on_bypass",
        ];
        for (profile, name, _) in all() {
            assert!(
                !others.contains(&name.as_str()),
                "{profile}: {name} has another name in nut/ups"
            );
        }
        assert_eq!(nut_name("charge"), Some("battery.charge"));
        assert_eq!(nut_name("on_battery"), Some("ups.status OB"));
        assert_eq!(nut_name("door"), None);
    }

    /// SenML's units (RFC 8428, section 12.1) and its secondary ones (RFC 8798). Light obscuration has none: `%/m` is how
    /// EN 54-20 and every maker write it.
    #[test]
    fn every_quantity_has_a_unit_of_the_senml_registry_or_a_reason() {
        const REGISTERED: [&str; 9] = ["Cel", "%RH", "V", "A", "W", "/", "s", "count", "ppm"];
        for quantity in Quantity::ALL {
            let unit = quantity.unit();
            let known = REGISTERED.contains(&unit.as_str()) || unit == Unit::ObscurationPerMetre;
            assert!(known, "{}: {}", quantity.as_str(), unit.as_str());
        }
    }
}
