//! Device profiles: register maps as data, with source, quirks, and how well each is proven.

use muster_wire::Quantity;

/// How one model of device is read.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Shortest poll period it bears. Milliseconds.
    pub min_poll_ms: u64,
    /// What it reads.
    pub signals: Vec<Signal>,
}

/// One signal of a device.
#[derive(Clone, Debug)]
pub struct Signal {
    /// Unique in the profile.
    pub name: String,
    /// What it measures.
    pub quantity: Quantity,
}

/// What is wrong with a profile.
#[derive(Clone, Debug)]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// One line.
    pub what: String,
    /// One line.
    pub hint: String,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn parse(text: &str, _file_name: &str) -> Result<Self, Vec<Fault>> {
        let signal = |(ix, line): (usize, &str)| {
            let quantity = Quantity::from_word(line.trim());
            let fault = Fault {
                line: ix + 1,
                what: "no quantity".to_owned(),
                hint: "write one a line".to_owned(),
            };
            quantity
                .map(|q| Signal {
                    name: q.as_str().to_owned(),
                    quantity: q,
                })
                .ok_or_else(|| vec![fault])
        };
        let signals = text.lines().enumerate().map(signal).collect::<Result<_, _>>()?;
        Ok(Self {
            min_poll_ms: 1_000,
            signals,
        })
    }
}

/// A profile that comes with Muster.
#[must_use]
pub fn shipped(name: &str) -> Option<Profile> {
    let pairs: Vec<(String, Quantity)> = match name {
        "generic/dry-contacts" => (1..=8).map(|n| (format!("in{n}"), Quantity::Contact)).collect(),
        "generic/battery-monitor" => vec![
            ("alarm".to_owned(), Quantity::BatteryAlarm),
            ("cell_temperature".to_owned(), Quantity::Temperature),
            ("voltage".to_owned(), Quantity::Voltage),
            ("current".to_owned(), Quantity::Current),
            ("charge".to_owned(), Quantity::Charge),
        ],
        "apc/smart-ups" => [
            "on_battery",
            "charge",
            "runtime",
            "load",
            "voltage",
            "temperature",
            "fault",
        ]
        .iter()
        .filter_map(|word| Some(((*word).to_owned(), Quantity::from_word(word)?)))
        .collect(),
        _ => return None,
    };
    let min_poll_ms = if name.starts_with("generic/") { 100 } else { 1_000 };
    Some(Profile {
        min_poll_ms,
        signals: pairs
            .into_iter()
            .map(|(name, quantity)| Signal { name, quantity })
            .collect(),
    })
}

/// Names of all shipped profiles.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    ["apc/smart-ups", "generic/battery-monitor", "generic/dry-contacts"].into_iter()
}
