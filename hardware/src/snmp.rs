//! How a device is read by SNMP.

use std::fmt;
use std::str::FromStr;

use muster_wire::{Absence, Micro, Quantity};

use crate::{Head, Meaning};

/// How one model is read by SNMP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnmpProfile {
    /// What it says of itself.
    pub head: Head,
    /// A device is of this model only if its sysObjectID begins with one of these; with none any is. Read after every
    /// connection, before anything is believed.
    pub sys_object_ids: Vec<Oid>,
    /// What it measures; names are unique.
    pub signals: Vec<SnmpSignal>,
    /// What agents are known to say otherwise.
    pub exceptions: Vec<Exception>,
}

/// One signal: an object and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnmpSignal {
    /// Unique in the profile, `[a-z0-9_-]{1,32}`.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What its number or text means.
    pub meaning: Meaning,
    /// Whether it is said in TimeTicks, hundredths of a second; else TimeTicks are no value.
    pub ticks: bool,
    /// What it measures.
    pub quantity: Quantity,
    /// Polled at the fastest rate and sent on the lane of alarms.
    pub trip: bool,
    /// Signals of this profile that take its meaning away while one of them is 1: on battery in a self-test is not on battery.
    pub unless_signals: Vec<String>,
}

/// Where a signal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One object, its instance included: `1.3.6.1.2.1.33.1.2.4.0`.
    Object(Oid),
    /// A column of a table that lists what is the case: 1 while a row's value is `holds` (upsAlarmDescr, RFC 1628).
    Column {
        /// The column, without an instance.
        column: Oid,
        /// What has to stand in one of its rows.
        holds: Oid,
        /// The object that says how many rows there are: a table that is empty is told by it from one that is not there.
        count: Oid,
    },
}

/// Agents that say one signal otherwise than the MIB, by the beginning of their sysObjectID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Whose.
    pub sys_object_id: Oid,
    /// Which signal.
    pub signal: String,
    /// What it means there; none: it means nothing and is not read.
    pub meaning: Option<Meaning>,
    /// Why we know; one line.
    pub why: String,
}

/// An object identifier: numbers with dots between.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Vec<u32>);

/// A text that is no object identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an object identifier: 2 to 128 numbers with dots between, beginning with 0, 1 or 2")]
pub struct NoOid;

impl Oid {
    /// Its numbers.
    #[must_use]
    pub fn arcs(&self) -> &[u32] {
        &self.0
    }

    /// Whether this one is `prefix` or below it.
    #[must_use]
    pub fn begins_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

impl FromStr for Oid {
    type Err = NoOid;

    fn from_str(text: &str) -> Result<Self, NoOid> {
        let plain = |arc: &str| {
            arc.bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| arc.parse().ok())
                .flatten()
        };
        let arcs: Vec<u32> = text.split('.').map(plain).collect::<Option<_>>().ok_or(NoOid)?;
        let fits = (2..=128).contains(&arcs.len()) && arcs[0] <= 2;
        fits.then_some(Self(arcs)).ok_or(NoOid)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, arc) in self.0.iter().enumerate() {
            write!(f, "{}{arc}", if n == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

impl SnmpProfile {
    /// Whether a device with this sysObjectID may be of this model.
    #[must_use]
    pub fn fits(&self, sys_object_id: &Oid) -> bool {
        let ids = &self.sys_object_ids;
        ids.is_empty() || ids.iter().any(|id| sys_object_id.begins_with(id))
    }

    /// The signals as an agent with this sysObjectID says them: the longest exception counts.
    #[must_use]
    pub fn signals_of(&self, sys_object_id: &Oid) -> Vec<SnmpSignal> {
        let spoken = |signal: &SnmpSignal| match self.exception(signal, sys_object_id) {
            Some(exception) => exception.meaning.clone().map(|meaning| SnmpSignal {
                meaning,
                ..signal.clone()
            }),
            None => Some(signal.clone()),
        };
        self.signals.iter().filter_map(spoken).collect()
    }

    fn exception(&self, signal: &SnmpSignal, id: &Oid) -> Option<&Exception> {
        let own = |e: &&Exception| e.signal == signal.name && id.begins_with(&e.sys_object_id);
        self.exceptions
            .iter()
            .filter(own)
            .max_by_key(|e| e.sys_object_id.arcs().len())
    }
}

impl SnmpSignal {
    /// The value of a whole number (INTEGER, Gauge32, Counter32, Counter64).
    ///
    /// # Errors
    /// See [`Meaning::of_number`]; [`Absence::Bus`] where TimeTicks are said.
    pub fn decode_number(&self, raw: i64) -> Result<Micro, Absence> {
        if self.ticks {
            Err(Absence::Bus)
        } else {
            self.meaning.of_number(raw, self.quantity)
        }
    }

    /// The value of TimeTicks.
    ///
    /// # Errors
    /// See [`Meaning::of_number`]; [`Absence::Bus`] where none are said: some agents answer `0 ticks` for what they do not
    /// know (Santak).
    pub fn decode_ticks(&self, ticks: u32) -> Result<Micro, Absence> {
        if self.ticks {
            self.meaning.of_number(ticks.into(), self.quantity)
        } else {
            Err(Absence::Bus)
        }
    }

    /// The value of a text, of agents that write their numbers so.
    ///
    /// # Errors
    /// See [`Meaning::of_text`].
    pub fn decode_text(&self, text: &str) -> Result<Micro, Absence> {
        if self.ticks {
            Err(Absence::Bus)
        } else {
            self.meaning.of_text(text, self.quantity)
        }
    }

    /// The value of a column: by how many rows the agent says there are, and by what they hold. One that holds it is
    /// enough; that none does is believed only of a table that was read whole.
    ///
    /// # Errors
    /// [`Absence::Bus`] where the count is missing or is not that of the rows, or where the signal stands in no column.
    pub fn decode_rows(&self, count: Option<i64>, rows: &[Vec<u32>]) -> Result<Micro, Absence> {
        let Place::Column { holds, .. } = &self.place else {
            return Err(Absence::Bus);
        };
        let count = count.ok_or(Absence::Bus)?;
        if rows.contains(&holds.0) {
            return Ok(Micro(muster_wire::MICRO));
        }
        let whole = usize::try_from(count).is_ok_and(|count| count == rows.len());
        whole.then_some(Micro(0)).ok_or(Absence::Bus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(text: &str) -> Oid {
        text.parse().unwrap()
    }

    #[test]
    fn an_oid_is_numbers_with_dots_between() {
        let id = oid("1.3.6.1.4.1.318");
        assert_eq!((id.to_string().as_str(), id.arcs().len()), ("1.3.6.1.4.1.318", 7));
        for text in [
            "",
            "1",
            ".1.3",
            "1..3",
            "1.3.",
            "3.1",
            "1.3.x",
            "1.3.4294967296",
            "1.+3",
            "1.-3",
        ] {
            assert_eq!(text.parse::<Oid>(), Err(NoOid), "{text:?}");
        }
        assert!(oid("1.3.6.1").begins_with(&oid("1.3.6")) && !oid("1.3.61").begins_with(&oid("1.3.6")));
    }

    #[test]
    fn ticks_count_only_where_ticks_are_said() {
        let mut signal = SnmpSignal {
            name: "runtime".into(),
            place: Place::Object(oid("1.3.6.1.2.1.33.1.2.3.0")),
            meaning: Meaning::Number {
                scale: crate::Scale::decimal("60").unwrap(),
                absent: Vec::new(),
            },
            ticks: false,
            quantity: Quantity::Runtime,
            trip: false,
            unless_signals: Vec::new(),
        };
        assert_eq!(signal.decode_number(2), Ok(Micro(120_000_000)));
        assert_eq!(signal.decode_ticks(0), Err(Absence::Bus), "Santak's way of not knowing");
        signal.ticks = true;
        assert_eq!(signal.decode_number(2), Err(Absence::Bus));
        assert_eq!(signal.decode_ticks(2), Ok(Micro(120_000_000)));
        assert_eq!(signal.decode_rows(Some(0), &[]), Err(Absence::Bus));
    }

    #[test]
    fn a_table_that_is_not_there_says_nothing() {
        let signal = SnmpSignal {
            name: "hot".into(),
            place: Place::Column {
                column: oid("1.3.6.1.2.1.33.1.6.2.1.2"),
                holds: oid("1.3.6.1.2.1.33.1.6.3.5"),
                count: oid("1.3.6.1.2.1.33.1.6.1.0"),
            },
            meaning: Meaning::OneOf(vec![1]),
            ticks: false,
            quantity: Quantity::BatteryAlarm,
            trip: true,
            unless_signals: Vec::new(),
        };
        let rows = |last: &[u32]| -> Vec<Vec<u32>> {
            last.iter()
                .map(|n| oid(&format!("1.3.6.1.2.1.33.1.6.3.{n}")).arcs().to_vec())
                .collect()
        };
        assert_eq!(signal.decode_rows(Some(0), &[]), Ok(Micro(0)), "empty");
        assert_eq!(signal.decode_rows(None, &[]), Err(Absence::Bus), "not there");
        assert_eq!(signal.decode_rows(Some(2), &rows(&[2, 5])), Ok(Micro(1_000_000)));
        assert_eq!(signal.decode_rows(Some(1), &rows(&[2])), Ok(Micro(0)));
        assert_eq!(signal.decode_rows(Some(2), &rows(&[2])), Err(Absence::Bus), "not whole");
        assert_eq!(signal.decode_rows(Some(-1), &[]), Err(Absence::Bus));
    }
}
