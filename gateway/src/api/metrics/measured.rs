//! What channels measure, under one name a quantity: base units and fractions, as Prometheus wants them. A channel without a
//! value that is believed has no series: missing is never zero.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use muster_core::{ChannelView, Millis};
use muster_wire::{Quantity, Unit};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Label;

/// One metric's series.
type Rows = Vec<(Vec<Label>, f64)>;

/// Name and help of a quantity's metric, and what one of its units is worth in the metric's.
pub(super) fn metric(quantity: Quantity) -> (&'static str, &'static str, f64) {
    match quantity {
        Quantity::Temperature => ("muster_temperature_celsius", "Temperature", 1.0),
        Quantity::Humidity => ("muster_humidity_ratio", "Relative humidity, 1 = saturated", 0.01),
        Quantity::Voc => (
            "muster_voc_ratio",
            "Volatile organic compounds, share of the volume",
            1e-6,
        ),
        Quantity::Hydrogen => ("muster_hydrogen_ratio", "Hydrogen, share of the volume", 1e-6),
        Quantity::CarbonMonoxide => (
            "muster_carbon_monoxide_ratio",
            "Carbon monoxide, share of the volume",
            1e-6,
        ),
        Quantity::Smoke => (
            "muster_smoke_obscuration_ratio_per_meter",
            "Light that smoke takes on a metre, 1 = all",
            0.01,
        ),
        Quantity::Voltage => ("muster_voltage_volts", "Voltage", 1.0),
        Quantity::Current => ("muster_current_amperes", "Current; discharge is negative", 1.0),
        Quantity::Power => ("muster_power_watts", "Real power", 1.0),
        Quantity::Charge => ("muster_ups_battery_charge_ratio", "State of charge, 1 = full", 1.0),
        Quantity::Load => ("muster_ups_load_ratio", "Load against the rating, 1 = all of it", 1.0),
        Quantity::Runtime => (
            "muster_ups_battery_runtime_seconds",
            "Runtime that the device reports; means nothing on mains",
            1.0,
        ),
        Quantity::OnBattery => ("muster_ups_status", "1 while the flag of NUT's ups.status holds", 1.0),
        Quantity::Counter => ("muster_device_count", "A heartbeat or event counter of a device", 1.0),
        Quantity::FireAlarm
        | Quantity::FireWarning
        | Quantity::SuppressionDischarge
        | Quantity::BatteryAlarm
        | Quantity::Fault
        | Quantity::EmergencyPowerOff
        | Quantity::OnGenerator
        | Quantity::GeneratorRunning
        | Quantity::Door
        | Quantity::Leak
        | Quantity::Contact => ("muster_contact", "1 while the fact of a contact holds", 1.0),
    }
}

/// The flag of `ups.status` that a signal of this name stands for, in every shipped profile.
fn flag(id: &str) -> Option<String> {
    let (_, signal) = id.split_once('.')?;
    let name = muster_profiles::nut_name(signal)?;
    name.strip_prefix("ups.status ").map(str::to_owned)
}

/// Values and ages.
pub(super) fn about(registry: &mut Registry, channels: &[ChannelView]) {
    let mut metrics: BTreeMap<&str, (&str, Rows)> = BTreeMap::new();
    let mut ages: Rows = Vec::new();
    for channel in channels {
        let Some(quantity) = Quantity::from_word(&channel.quantity) else {
            continue;
        };
        ages.extend(channel.age_ms.map(|ms| (labels(channel), seconds(ms))));
        let value = channel.value.as_ref().and_then(|value| value.parse::<f64>().ok());
        if let Some(value) = value.filter(|_| matches!(channel.quality.as_str(), "good" | "simulated")) {
            let (name, help, labels, worth) = row(channel, quantity);
            metrics
                .entry(name)
                .or_insert((help, Vec::new()))
                .1
                .push((labels, value * worth));
        }
    }
    for (name, (help, rows)) in metrics {
        fractions(registry, name, help, rows);
    }
    fractions(
        registry,
        "muster_sample_age_seconds",
        "Since the last good sample of a channel",
        ages,
    );
}

fn row(channel: &ChannelView, quantity: Quantity) -> (&'static str, &'static str, Vec<Label>, f64) {
    let contact = quantity.unit() == Unit::Contact;
    let flag = match quantity {
        Quantity::OnBattery => Some("OB".to_owned()),
        _ if contact => flag(&channel.id),
        _ => None,
    };
    let (name, help, worth) = metric(if flag.is_some() { Quantity::OnBattery } else { quantity });
    let mut labels = labels(channel);
    match flag {
        Some(flag) => labels.push(("flag", flag)),
        None if contact => labels.push(("quantity", channel.quantity.clone())),
        None => {}
    }
    (name, help, labels, worth)
}

fn labels(channel: &ChannelView) -> Vec<Label> {
    vec![
        ("zone", channel.zone.clone()),
        ("source", channel.source.clone()),
        ("sensor", channel.id.clone()),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "for a picture, and exact below 285,000 years")]
pub(super) fn seconds(ms: Millis) -> f64 {
    ms as f64 / 1_000.0
}

/// One series a row.
pub(super) fn fractions(registry: &mut Registry, name: &str, help: &str, rows: Rows) {
    let family = Family::<Vec<Label>, Gauge<f64, AtomicU64>>::default();
    for (labels, value) in rows {
        family.get_or_create(&labels).set(value);
    }
    registry.register(name, help, family);
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    fn channel(id: &str, quantity: Quantity, value: Option<&str>, quality: &str) -> ChannelView {
        ChannelView {
            id: id.to_owned(),
            zone: "room".to_owned(),
            group: "a".to_owned(),
            source: "ups".to_owned(),
            quantity: quantity.as_str().to_owned(),
            value: value.map(str::to_owned),
            unit: quantity.unit().as_str().to_owned(),
            quality: quality.to_owned(),
            age_ms: value.map(|_| 1_500),
            alarm: false,
            watch: false,
        }
    }

    fn shown(channels: &[ChannelView]) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        about(&mut registry, channels);
        encode(&mut text, &registry).unwrap();
        text
    }

    /// Base units by the letter of Prometheus' own list; what is 0 or 1, or a count, has none.
    #[test]
    fn every_quantity_has_a_name_with_its_base_unit() {
        for quantity in Quantity::ALL.iter().copied() {
            let (name, help, worth) = metric(quantity);
            let suffix = match quantity.unit() {
                Unit::Celsius => "_celsius",
                Unit::RelativeHumidity | Unit::Ppm | Unit::Ratio => "_ratio",
                Unit::ObscurationPerMetre => "_ratio_per_meter",
                Unit::Volt => "_volts",
                Unit::Ampere => "_amperes",
                Unit::Watt => "_watts",
                Unit::Second => "_seconds",
                Unit::Contact if quantity == Quantity::OnBattery => "muster_ups_status",
                Unit::Contact => "muster_contact",
                Unit::Count => "_count",
            };
            assert!(
                name.starts_with("muster_") && name.ends_with(suffix),
                "{quantity:?}: {name}"
            );
            let worth_of_unit = match quantity.unit() {
                Unit::Ppm => 1e-6,
                Unit::RelativeHumidity | Unit::ObscurationPerMetre => 0.01,
                _ => 1.0,
            };
            assert!(
                (worth - worth_of_unit).abs() < f64::EPSILON && !help.is_empty(),
                "{quantity:?}"
            );
        }
    }

    #[test]
    fn values_are_in_base_units_and_what_is_missing_is_not_there() {
        let text = shown(&[
            channel("ups.charge", Quantity::Charge, Some("0.92"), "good"),
            channel("n.h2", Quantity::Hydrogen, Some("500"), "simulated"),
            channel("ups.runtime", Quantity::Runtime, None, "warmup"),
            channel("n.t", Quantity::Temperature, Some("25"), "stale"),
        ]);
        for line in [
            "muster_ups_battery_charge_ratio{zone=\"room\",source=\"ups\",sensor=\"ups.charge\"} 0.92",
            "muster_hydrogen_ratio{zone=\"room\",source=\"ups\",sensor=\"n.h2\"} 0.0005",
            "muster_sample_age_seconds{zone=\"room\",source=\"ups\",sensor=\"n.t\"} 1.5",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
        }
        assert!(
            !text.contains("muster_temperature") && !text.contains("runtime"),
            "{text}"
        );
    }

    #[test]
    fn flags_have_the_words_of_nut() {
        let text = shown(&[
            channel("bat.on_battery", Quantity::OnBattery, Some("1"), "good"),
            channel("bat.battery_low", Quantity::Contact, Some("0"), "good"),
            channel("bat.replace_battery", Quantity::Fault, Some("0"), "good"),
            channel("panel.door", Quantity::Door, Some("1"), "good"),
        ]);
        for end in [
            "sensor=\"bat.on_battery\",flag=\"OB\"} 1.0",
            "sensor=\"bat.battery_low\",flag=\"LB\"} 0.0",
            "sensor=\"bat.replace_battery\",flag=\"RB\"} 0.0",
            "sensor=\"panel.door\",quantity=\"door\"} 1.0",
        ] {
            assert!(text.lines().any(|l| l.ends_with(end)), "{end} is not in\n{text}");
        }
    }
}
