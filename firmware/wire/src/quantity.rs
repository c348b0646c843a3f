//! What is measured, and in which unit.

/// A unit as SenML writes it (RFC 8428 §12.1); `%/m` is ours, SenML has none for obscuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Degrees Celsius.
    Celsius,
    /// Relative humidity, percent.
    RelativeHumidity,
    /// Parts per million by volume.
    Ppm,
    /// Light obscuration, percent a metre (EN 54-20, UL 268).
    ObscurationPerMetre,
    /// Volt.
    Volt,
    /// Ampere.
    Ampere,
    /// Watt.
    Watt,
    /// Ratio, 1 = all.
    Ratio,
    /// Seconds.
    Second,
    /// Two states: 0 or 1.
    Contact,
    /// A count.
    Count,
}

impl Unit {
    /// The word in a pack's `u`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Celsius => "Cel",
            Self::RelativeHumidity => "%RH",
            Self::Ppm => "ppm",
            Self::ObscurationPerMetre => "%/m",
            Self::Volt => "V",
            Self::Ampere => "A",
            Self::Watt => "W",
            Self::Ratio | Self::Contact => "/",
            Self::Second => "s",
            Self::Count => "count",
        }
    }
}

macro_rules! quantities {
    ($($variant:ident, $word:literal, $unit:ident, $min:expr, $max:expr, $doc:literal;)*) => {
        /// What a channel measures. Each has one unit and the range that physics or the usual sensor allows;
        /// a value outside it is a fault of the sensor, never an alarm.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
        pub enum Quantity { $(#[doc = $doc] $variant,)* }

        impl Quantity {
            /// Every quantity.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in config, API and docs.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),* } }

            /// Its one unit.
            #[must_use]
            pub const fn unit(self) -> Unit { match self { $(Self::$variant => Unit::$unit),* } }

            /// Smallest and largest credible value, in whole units, both included.
            #[must_use]
            pub const fn range_units(self) -> (i64, i64) { match self { $(Self::$variant => ($min, $max)),* } }
        }
    };
}

quantities! {
    Temperature, "temperature", Celsius, -40, 200, "Air or surface temperature.";
    Humidity, "humidity", RelativeHumidity, 0, 100, "Relative humidity of the air.";
    Voc, "voc", Ppm, 0, 10_000, "Volatile organic compounds: electrolyte vapour, the off-gas of Li-ion cells.";
    Hydrogen, "hydrogen", Ppm, 0, 100_000, "Hydrogen; the lower flammable limit is 40,000 ppm.";
    CarbonMonoxide, "carbon_monoxide", Ppm, 0, 10_000, "Carbon monoxide.";
    Smoke, "smoke", ObscurationPerMetre, 0, 100, "Smoke obscuration.";
    Voltage, "voltage", Volt, -2_000, 2_000, "Voltage of a string, battery or line.";
    Current, "current", Ampere, -10_000, 10_000, "Current; discharge is negative.";
    Power, "power", Watt, -100_000_000, 100_000_000, "Real power.";
    Charge, "charge", Ratio, 0, 1, "State of charge of a battery.";
    Load, "load", Ratio, 0, 3, "Load of a UPS against its rating.";
    Runtime, "runtime", Second, 0, 1_000_000, "Runtime left as the device reports it; means nothing on mains.";
    OnBattery, "on_battery", Contact, 0, 1, "1 while a UPS feeds its load from its battery.";
    FireAlarm, "fire_alarm", Contact, 0, 1, "1 while a fire panel or detector contact is in alarm.";
    SuppressionDischarge, "suppression_discharge", Contact, 0, 1, "1 once the gas suppression has been released.";
    BatteryAlarm, "battery_alarm", Contact, 0, 1, "1 while a BMS or battery monitor reports over-temperature or thermal runaway.";
    Fault, "fault", Contact, 0, 1, "1 while a device reports a fault of its own; trouble, never an alarm.";
    EmergencyPowerOff, "emergency_power_off", Contact, 0, 1, "1 once somebody has cut a room's power by hand (EPO): what that room alone feeds is without power.";
    OnGenerator, "on_generator", Contact, 0, 1, "1 while a transfer switch (ATS) feeds the site from its generator.";
    GeneratorRunning, "generator_running", Contact, 0, 1, "1 while a generator runs; it may not feed anything yet.";
    Door, "door", Contact, 0, 1, "1 while a door is open: somebody may be in the room.";
    Leak, "leak", Contact, 0, 1, "1 while water is detected.";
    Contact, "contact", Contact, 0, 1, "Any other dry contact; it has no default limit.";
    Counter, "counter", Count, 0, 4_294_967_295, "A heartbeat or event counter.";
    FireWarning, "fire_warning", Contact, 0, 1, "1 while a fire panel is in its first stage, or a detector in pre-alarm: one detector alone, not confirmed yet.";
}

impl Quantity {
    /// The quantity a config word stands for; `None` for any other word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|q| q.as_str() == word)
    }
}
