//! Reads one `[[signal]]`.

use muster_wire::{Quantity, Unit};
use toml::Spanned;

use crate::fault::{Faults, nearest};
use crate::keys::Keys;
use crate::{Encoding, Scale, Signal, Table, WordOrder};

/// `type` of a signal in registers.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    U16,
    I16,
    U32,
    I32,
}

/// One signal, or `None` once its faults are noted.
pub(super) fn read(mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Signal> {
    let name = name(&mut keys, faults);
    let table = keys.must("table", faults);
    let address = keys.must("address", faults);
    let encoding = encoding(&mut keys, table, faults);
    let scale = scale(&mut keys, faults);
    let sentinels = keys.option("sentinels", faults).unwrap_or_default();
    let quantity = quantity(&mut keys, faults);
    let trip = keys.option("trip", faults).unwrap_or(false);
    let invert = keys.option("invert", faults).unwrap_or(false);
    let signal = (|| {
        Some(Signal {
            name: name?,
            table: table?,
            address: address?,
            encoding: encoding?,
            scale: scale?,
            sentinels,
            quantity: quantity?,
            trip,
            invert,
        })
    })();
    if let Some(signal) = &signal {
        lint(signal, &keys, faults);
    }
    keys.finish(faults);
    signal
}

fn name(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<String> {
    let name: String = keys.must("name", faults)?;
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if (1..=32).contains(&name.len()) && name.bytes().all(fits) {
        return Some(name);
    }
    faults.add(
        keys.place("name"),
        format!("name {name:?} is no name"),
        "1 to 32 of a-z, 0-9, - and _",
    );
    None
}

fn quantity(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Quantity> {
    let word: String = keys.must("quantity", faults)?;
    let found = Quantity::from_word(&word);
    if found.is_none() {
        let words: Vec<&str> = Quantity::ALL.iter().map(|q| q.as_str()).collect();
        faults.add(
            keys.place("quantity"),
            format!("quantity {word:?} is unknown"),
            nearest(&word, &words),
        );
    }
    found
}

/// `type`, `bit` and `word_order` together.
fn encoding(keys: &mut Keys<'_, '_>, table: Option<Table>, faults: &mut Faults<'_>) -> Option<Encoding> {
    let bits = table.is_some_and(Table::is_bits);
    let kind: Option<Type> = if bits {
        keys.option("type", faults)
    } else {
        keys.must("type", faults)
    };
    let bit = keys.within("bit", 0..=31, faults).and_then(|b| u8::try_from(b).ok());
    let given_order: Option<WordOrder> = keys.option("word_order", faults);
    let order = given_order.unwrap_or_default();
    if bits && (kind.is_some() || bit.is_some() || given_order.is_some()) {
        let what = "type, bit and word_order are for registers";
        faults.add(keys.at, what, "a coil or discrete input is one bit: leave them out");
        return None;
    }
    let encoding = match (kind, bit) {
        _ if bits => Encoding::Single,
        (Some(Type::U16), None) => Encoding::U16,
        (Some(Type::I16), None) => Encoding::I16,
        (Some(Type::U32), None) => Encoding::U32(order),
        (Some(Type::I32), None) => Encoding::I32(order),
        (Some(Type::U16), Some(bit @ 0..=15)) => Encoding::Bit16(bit),
        (Some(Type::U32), Some(bit)) => Encoding::Bit32(bit, order),
        (Some(_), Some(bit)) => {
            faults.add(
                keys.place("bit"),
                format!("bit {bit} does not fit the type"),
                "u16 has bits 0 to 15, u32 0 to 31",
            );
            return None;
        }
        (None, _) => return None,
    };
    if given_order.is_some() && encoding.words() == 1 {
        faults.add(
            keys.place("word_order"),
            "word_order for a single register",
            "leave it out",
        );
    }
    Some(encoding)
}

/// `scale`, or `multiply` and `divide`.
fn scale(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Scale> {
    let text: Option<String> = keys.option("scale", faults);
    let multiply: Option<i64> = keys.option("multiply", faults);
    let divide: Option<i64> = keys.option("divide", faults);
    let (place, found) = match (&text, multiply, divide) {
        (None, None, None) => return Some(Scale::ONE),
        (Some(text), None, None) => (keys.place("scale"), Scale::decimal(text)),
        (None, ..) => {
            let fits = |n: i64| n.unsigned_abs() <= 1_000_000_000;
            let (m, d) = (multiply.unwrap_or(1), divide.unwrap_or(1));
            let place = keys.place(if divide.is_some() { "divide" } else { "multiply" });
            (place, Scale::fraction(m, d).filter(|_| fits(m) && fits(d)))
        }
        (Some(_), ..) => (keys.place("scale"), None),
    };
    if found.is_none() {
        let hint =
            "scale = \"0.1\" (up to 12 digits, not 0), or multiply and divide (up to 1e9, not 0, divide above 0)";
        faults.add(place, "no usable scale", hint);
    }
    found
}

/// What can be seen from one signal alone.
fn lint(signal: &Signal, keys: &Keys<'_, '_>, faults: &mut Faults<'_>) {
    let contact = signal.quantity.unit() == Unit::Contact;
    if signal.end() > 65_536 {
        faults.add(
            keys.place("address"),
            "reaches past address 65535",
            "two registers begin at 65534 at most",
        );
    }
    if signal.encoding.is_bit() && !contact {
        let what = format!("one bit cannot be a {}", signal.quantity.as_str());
        faults.add(
            keys.place("quantity"),
            what,
            "contact, fault, on_battery, fire_alarm, battery_alarm …",
        );
    }
    if signal.encoding.is_bit() && signal.scale != Scale::ONE {
        faults.add(keys.at, "a bit has no scale", "leave scale, multiply and divide out");
    }
    if signal.invert && !signal.encoding.is_bit() {
        faults.add(
            keys.place("invert"),
            "only a bit can be inverted",
            "for a number: multiply = -1",
        );
    }
    let most = if signal.encoding.words() == 1 { 0xFFFF } else { u32::MAX };
    if signal.sentinels.iter().any(|s| *s > most) || (signal.table.is_bits() && !signal.sentinels.is_empty()) {
        faults.add(
            keys.place("sentinels"),
            "a sentinel the register cannot hold",
            "at most 0xFFFF; none for bits",
        );
    }
}

/// What can be seen only from all signals together. Places are those of the later of two.
pub(super) fn lint_together(signals: &[Spanned<Signal>], faults: &mut Faults<'_>) {
    for (i, later) in signals.iter().enumerate() {
        let (at, b) = (later.span().start, later.get_ref());
        for a in signals[..i].iter().map(Spanned::get_ref) {
            if a.name == b.name {
                faults.add(
                    at,
                    format!("name {} stands twice", b.name),
                    "names are unique in a profile",
                );
            } else if (a.table, a.address, a.encoding) == (b.table, b.address, b.encoding) {
                let what = format!("{} reads the same as {}", b.name, a.name);
                faults.add(at, what, "copied and not changed? one of the two is enough");
            }
        }
    }
}
