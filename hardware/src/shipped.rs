//! The profiles that come with Muster, embedded in the binary: a gateway needs no files beside it.

use crate::Device;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        const SHIPPED: &[(&str, &str)] = &[$(($name, include_str!(concat!("../profiles/", $name, ".toml")))),*];
    };
}

embedded!(
    "apc/powernet",
    "apc/rack-pdu",
    "apc/smart-ups",
    "eastpower/istars",
    "eaton/xups",
    "emerson/us11",
    "generic/battery-monitor",
    "generic/contact-module",
    "generic/dry-contacts",
    "generic/ups-mib",
    "huawei/ups5000",
    "nut/ups",
    "phoenixtec/upsmib",
    "santak/array",
    "sunspec/battery-802",
    "sunspec/battery-803",
    "sunspec/battery-804",
    "sunspec/battery-805",
    "system-sensor/faast",
    "vertiv/alber-bdsu",
    "vertiv/liebert-aps",
    "vertiv/liebert-gp",
    "vertiv/liebert-nxc",
    "xtralis/sensepoint-xcl",
);

/// The shipped profile `vendor/model`; `None` for any other name.
#[must_use]
pub fn shipped(name: &str) -> Option<Device> {
    let (_, text) = SHIPPED.iter().find(|(n, _)| *n == name)?;
    Device::parse(text, name).ok()
}

/// Names of all shipped profiles, `vendor/model`, in order.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_wire::{Absence, Micro, Quantity};
    use std::path::Path;

    fn on_disk() -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
        let mut names = Vec::new();
        for vendor in std::fs::read_dir(&root).unwrap() {
            for file in std::fs::read_dir(vendor.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                names.push(name.strip_suffix(".toml").unwrap().to_owned());
            }
        }
        names.sort();
        names
    }

    #[test]
    fn every_file_is_shipped_and_without_fault() {
        assert_eq!(shipped_names().collect::<Vec<_>>(), on_disk());
        for (name, text) in SHIPPED {
            let device = Device::parse(text, name).unwrap();
            assert_eq!(device.head().name(), *name);
            assert!(
                text.contains("your own") || text.contains("of its own") || text.contains("another model"),
                "{name} tells how to add one"
            );
        }
        assert!(shipped("no/such").is_none());
    }

    fn registers(name: &str) -> crate::Profile {
        shipped(name).and_then(Device::into_modbus).unwrap()
    }

    fn decode(name: &str, signal: &str, words: &[u16]) -> Result<Micro, Absence> {
        registers(name).signal(signal).unwrap().decode(words)
    }

    #[test]
    fn apc_registers_read_as_nut_reads_them() {
        let apc = |signal, words: &[u16]| decode("apc/smart-ups", signal, words);
        assert_eq!(
            apc("charge", &[51_200]),
            Ok(Micro(1_000_000)),
            "apcupsd read 1.7 % here"
        );
        assert_eq!(apc("runtime", &[0, 3_600]), Ok(Micro(3_600_000_000)));
        assert_eq!(apc("battery_voltage", &[1_752]), Ok(Micro(54_750_000)));
        assert_eq!(apc("battery_temperature", &[3_210]), Ok(Micro(25_078_125)));
        assert_eq!(apc("load", &[6_400]), Ok(Micro(250_000)));
        assert_eq!(apc("on_battery", &[0, 0b0100]), Ok(Micro(1_000_000)));
        assert_eq!(apc("on_battery", &[0, 0b0010]), Ok(Micro(0)), "on line");
        assert_eq!(apc("battery_over_temperature", &[0b1000]), Ok(Micro(1_000_000)));
    }

    #[test]
    fn apc_is_read_in_few_blocks() {
        let apc = registers("apc/smart-ups");
        let spans = |trip: bool| -> Vec<(u16, u16)> {
            apc.blocks(|s| !trip || s.trip)
                .iter()
                .map(|b| (b.start, b.count))
                .collect()
        };
        assert_eq!(spans(false), [(0, 2), (18, 7), (128, 24)]);
        assert_eq!(spans(true), [(0, 2), (18, 7)]);
    }

    #[test]
    fn the_same_card_reads_two_liebert_families_otherwise() {
        assert_eq!(decode("vertiv/liebert-nxc", "on_battery", &[5]), Ok(Micro(1_000_000)));
        assert_eq!(decode("vertiv/liebert-nxc", "on_battery", &[3]), Ok(Micro(0)));
        assert_eq!(
            decode("vertiv/liebert-nxc", "battery_temperature", &[27]),
            Ok(Micro(27_000_000))
        );
        assert_eq!(
            decode("vertiv/liebert-aps", "battery_temperature", &[271]),
            Ok(Micro(27_100_000))
        );
        assert_eq!(
            decode("vertiv/liebert-aps", "runtime", &[12]),
            Ok(Micro(720_000_000)),
            "minutes"
        );
        let at = |name: &str| registers(name).signal("runtime").unwrap().address;
        assert_eq!((at("vertiv/liebert-nxc"), at("vertiv/liebert-aps")), (407, 436));
    }

    #[test]
    fn a_sunspec_battery_is_read_by_its_own_scale_factors() {
        let battery = registers("sunspec/battery-802");
        let charge = battery.signal("charge").unwrap();
        assert_eq!(charge.decode_times(&[875], -1), Ok(Micro(875_000)));
        assert_eq!(charge.decode_times(&[0xFFFF], -1), Err(Absence::Bus), "not implemented");
        assert_eq!(
            battery.signal("over_temperature").unwrap().decode(&[0, 0b10]),
            Ok(Micro(1_000_000))
        );
        assert_eq!(
            battery.scale_factors().into_iter().collect::<Vec<_>>(),
            [56, 59, 60, 61, 63]
        );
    }

    #[test]
    fn nut_words_mean_what_nut_means() {
        let Some(Device::Nut(ups)) = shipped("nut/ups") else {
            panic!("no profile")
        };
        let of = |name: &str, text| ups.signals.iter().find(|s| s.name == name).unwrap().decode(text);
        assert_eq!(of("on_battery", "OB DISCHRG HE"), Ok(Micro(1_000_000)));
        assert_eq!(
            of("on_battery", "OB CAL"),
            Ok(Micro(0)),
            "a calibration is no power cut"
        );
        assert_eq!(of("battery_low", "OL LB"), Ok(Micro(0)), "LB counts only with OB");
        assert_eq!(of("charge", "100"), Ok(Micro(1_000_000)));
        assert_eq!(of("runtime", "1234.50"), Ok(Micro(1_234_500_000)));
    }

    #[test]
    fn ups_mib_is_read_as_the_rfc_says() {
        let Some(Device::Snmp(ups)) = shipped("generic/ups-mib") else {
            panic!("no profile")
        };
        let of = |name: &str, raw| ups.signals.iter().find(|s| s.name == name).unwrap().decode_number(raw);
        assert_eq!(of("on_battery", 5), Ok(Micro(1_000_000)));
        assert_eq!(of("on_battery", 3), Ok(Micro(0)));
        assert_eq!(of("runtime", 12), Ok(Micro(720_000_000)), "minutes");
        assert_eq!(of("runtime", -1), Err(Absence::Bus), "Huawei's way of not knowing");
        assert_eq!(of("battery_voltage", 547), Ok(Micro(54_700_000)));
    }

    #[test]
    fn contacts_take_the_quantity_the_config_gives_them() {
        let contacts = registers("generic/dry-contacts");
        assert_eq!(contacts.signals.len(), 8);
        for signal in &contacts.signals {
            assert!(signal.trip && signal.may_be(Quantity::FireAlarm) && signal.may_be(Quantity::SuppressionDischarge));
        }
        assert_eq!(contacts.blocks(|_| true).len(), 1);
    }

    #[test]
    fn every_contact_of_the_module_is_supervised_and_has_a_meaning() {
        let module = registers("generic/contact-module");
        let meanings: Vec<Quantity> = module.signals.iter().map(|s| s.quantity).collect();
        use Quantity::{Door, EmergencyPowerOff, FireAlarm, FireWarning, GeneratorRunning, Leak, OnGenerator};
        let panel = [
            EmergencyPowerOff,
            Quantity::SuppressionDischarge,
            FireWarning,
            FireAlarm,
        ];
        let other = [OnGenerator, GeneratorRunning, Leak, Door];
        assert_eq!(meanings, [panel, other].concat());
        for signal in &module.signals {
            assert!(signal.trip && signal.may_be(FireAlarm), "{}", signal.name);
            assert_eq!(signal.decode(&[0, 0]), Err(Absence::Open), "{}", signal.name);
        }
        let blocks: Vec<(u16, u16)> = module.blocks(|_| true).iter().map(|b| (b.start, b.count)).collect();
        assert_eq!(blocks, [(0, 16)], "one question a cycle");
    }
}
