//! Reads one `[[signal]]`.

use muster_wire::Unit;
use toml::Spanned;

use super::names::{name, quantity, scale};
use super::names_once;
use crate::fault::Faults;
use crate::keys::Keys;
use crate::{Encoding, Scale, Signal, Table, WordOrder};

use super::excuse;

/// `type` of a signal in registers.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    U16,
    I16,
    U32,
    I32,
    F32,
}

/// One signal, or `None` once its faults are noted.
pub(super) fn read(mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Signal> {
    let name = name(&mut keys, faults);
    let table = keys.must("table", faults);
    let address = keys.must("address", faults);
    let encoding = encoding(&mut keys, table, faults);
    let scale = scale(&mut keys, faults);
    let sentinels = sentinels(&mut keys, encoding, faults);
    let quantity = quantity(&mut keys, faults);
    let trip = keys.option("trip", faults).unwrap_or(false);
    let invert = keys.option("invert", faults).unwrap_or(false);
    let scale_from = keys.option("scale_from", faults);
    let states: Option<Vec<i64>> = keys.option("values", faults);
    let none_of: Option<Vec<i64>> = keys.option("none_of", faults);
    let unless_signals = excuse::read(&mut keys, faults);
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
            scale_from,
            states: states.clone().unwrap_or_default(),
            none_of: none_of.clone().unwrap_or_default(),
            unless_signals,
        })
    })();
    if let Some(signal) = &signal {
        lint(signal, &[states, none_of], &keys, faults);
        doubt_address(signal, &keys, faults);
    }
    keys.finish(faults);
    signal
}

/// Patterns of bits. A manual that says -32768 means one, too.
fn sentinels(keys: &mut Keys<'_, '_>, encoding: Option<Encoding>, faults: &mut Faults<'_>) -> Vec<u32> {
    let given: Vec<i64> = keys.option("sentinels", faults).unwrap_or_default();
    let wide = encoding.is_some_and(|encoding| encoding.words() == 2);
    let mut bits = Vec::new();
    for number in given {
        if let Ok(pattern) = u32::try_from(number) {
            bits.push(pattern);
            continue;
        }
        let as_bits = match (i16::try_from(number), i32::try_from(number)) {
            (Ok(narrow), _) if !wide => format!("write {number} as 0x{narrow:04X}"),
            (_, Ok(all)) if wide => format!("write {number} as 0x{all:08X}"),
            _ => "at most 0xFFFF, or 0xFFFFFFFF of two registers".to_owned(),
        };
        let hint = format!("a sentinel is the bits of its registers, not a number: {as_bits}");
        faults.add(
            keys.place("sentinels"),
            format!("sentinel {number} is no pattern of bits"),
            hint,
        );
    }
    bits
}

/// Manuals number the tables through: 40001 is the first holding register, 30001 the first input register, 10001 the first
/// discrete input. Nearly every address in these ranges was copied from one.
fn doubt_address(signal: &Signal, keys: &Keys<'_, '_>, faults: &mut Faults<'_>) {
    let first = match signal.table {
        Table::Holding => 40_001,
        Table::Input => 30_001,
        Table::Discrete => 10_001,
        Table::Coil => return,
    };
    if let Some(address) = signal.address.checked_sub(first).filter(|address| *address < 9_999) {
        let what = format!("address {} looks like the numbering of a manual", signal.address);
        let hint = format!(
            "there {first} is the first of this table; addresses here count from 0 as on the wire: write {address}, unless \
             the device really has it so far up"
        );
        faults.doubt(keys.place("address"), what, hint);
    }
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
    let pair = keys.option("pair", faults).unwrap_or(false);
    if pair && !bits {
        faults.add(
            keys.place("pair"),
            "pair is for contacts",
            "of a coil or discrete input: its two wires",
        );
    }
    let given_order: Option<WordOrder> = keys.option("word_order", faults);
    let order = given_order.unwrap_or_default();
    if bits && (kind.is_some() || bit.is_some() || given_order.is_some()) {
        let what = "type, bit and word_order are for registers";
        faults.add(keys.at, what, "a coil or discrete input is one bit: leave them out");
        return None;
    }
    let encoding = match (kind, bit) {
        _ if bits && pair => Encoding::Pair,
        _ if bits => Encoding::Single,
        (Some(Type::U16), None) => Encoding::U16,
        (Some(Type::I16), None) => Encoding::I16,
        (Some(Type::U32), None) => Encoding::U32(order),
        (Some(Type::I32), None) => Encoding::I32(order),
        (Some(Type::F32), None) => Encoding::F32(order),
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

/// What can be seen from one signal alone.
fn lint(signal: &Signal, states: &[Option<Vec<i64>>; 2], keys: &Keys<'_, '_>, faults: &mut Faults<'_>) {
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
    if states.iter().any(Option::is_some) {
        lint_states(signal, states, keys, faults);
    }
    if signal.invert && signal.encoding == Encoding::Pair {
        faults.add(
            keys.place("invert"),
            "a pair is not inverted",
            "exchange the two wires: the first input closes while the fact holds",
        );
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

fn lint_states(signal: &Signal, states: &[Option<Vec<i64>>; 2], keys: &Keys<'_, '_>, faults: &mut Faults<'_>) {
    let contact = signal.quantity.unit() == Unit::Contact;
    // One of the two, and that one with something in it.
    let mut given = states.iter().flatten();
    let unclear = given.next().is_none_or(Vec::is_empty) || given.next().is_some();
    if !contact || unclear || signal.encoding.is_bit() || signal.scale != Scale::ONE {
        faults.add(
            keys.place("values"),
            "no usable values",
            "the numbers of a register that make a contact 1, such as values = [5], or 0, such as none_of = [0]; no scale, no bit",
        );
    }
}

/// What can be seen only from all signals together. Places are those of the later of two.
pub(super) fn lint_together(signals: &[Spanned<Signal>], faults: &mut Faults<'_>) {
    names_once(signals, |signal| &signal.name, faults);
    for (i, later) in signals.iter().enumerate() {
        let b = later.get_ref();
        let place = |s: &Signal| (s.table, s.address, s.encoding, s.states.clone(), s.none_of.clone());
        let same = |a: &&Signal| a.name != b.name && place(a) == place(b);
        for a in signals[..i].iter().map(Spanned::get_ref).filter(same) {
            let what = format!("{} reads the same as {}", b.name, a.name);
            faults.add(
                later.span().start,
                what,
                "copied and not changed? one of the two is enough",
            );
        }
    }
}

/// SunSpec says of what a device does not implement that all its bits are set (of a bitfield also the highest alone): read
/// without a sentinel, a battery that has no events reports every one of them.
pub(super) fn doubt_unimplemented(signals: &[Spanned<Signal>], in_model: bool, faults: &mut Faults<'_>) {
    for signal in signals.iter().filter(|_| in_model) {
        let s = signal.get_ref();
        let missing: Vec<String> = unimplemented(s)
            .iter()
            .filter(|bits| !s.sentinels.contains(bits))
            .map(|bits| {
                if s.words() == 1 {
                    format!("0x{bits:04X}")
                } else {
                    format!("0x{bits:08X}")
                }
            })
            .collect();
        if !missing.is_empty() {
            let what = format!("{} reads what is not implemented as 1", s.name);
            let hint = format!("sentinels = [{}] says that it has no value then", missing.join(", "));
            faults.doubt(signal.span().start, what, hint);
        }
    }
}

/// What a contact in a SunSpec model holds where it is not implemented; none of a number, whose sentinel its range finds.
fn unimplemented(signal: &Signal) -> &'static [u32] {
    match signal.encoding {
        Encoding::Bit16(_) => &[0xFFFF, 0x8000],
        Encoding::Bit32(..) => &[0xFFFF_FFFF, 0x8000_0000],
        _ if !signal.is_state() || signal.table.is_bits() => &[],
        _ if signal.words() == 1 => &[0xFFFF],
        _ => &[0xFFFF_FFFF],
    }
}

/// Scale factors stand in models of SunSpec only.
pub(super) fn lint_factors(signals: &[Spanned<Signal>], in_model: bool, faults: &mut Faults<'_>) {
    for signal in signals {
        let s = signal.get_ref();
        if s.scale_from.is_some() && (!in_model || s.is_state()) {
            let hint = "sunspec_model = 802 at the beginning of the file; not for bits and states";
            faults.add(
                signal.span().start,
                format!("{} has no scale factor to take", s.name),
                hint,
            );
        }
    }
}
