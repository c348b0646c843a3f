//! One pack of one node.

use std::sync::atomic::Ordering;

use muster_core::{ChannelIx, Input};
use muster_wire::senml::{FIRMWARE, LOST, Pack, PackFault, RESET, Record, RecordFault, Value};
use muster_wire::{Absence, MICRO, Micro, Quantity, Unit};

use super::{Known, Message, Tables};
use crate::config::NodeChannel;
use crate::counters::{Cause, Counters};
use crate::lanes::{Batch, Mark};
use crate::lines;

/// Reads a pack; `Err` refuses it as a whole.
pub(super) fn read(
    tables: &Tables,
    known: &Known,
    counters: &Counters,
    message: Message<'_>,
) -> Result<Batch, (Cause, String)> {
    let pack = Pack::parse(message.payload).map_err(|fault| (pack_cause(fault), fault.to_string()))?;
    let header = pack.header();
    if header.node != &*known.id {
        return Err((
            Cause::Identity,
            format!("a pack of {} on the topic of {}", header.node, known.id),
        ));
    }
    let mark = admit(known, header.mark)?;
    let mut inputs = Vec::new();
    for record in pack.records() {
        if let Some(lost) = lost(known, record.as_ref().ok()) {
            says_lost(known, lost, counters);
            continue;
        }
        if is_birth_text(record.as_ref().ok()) {
            says_started(known, record.as_ref().ok(), counters);
            continue;
        }
        match record
            .map_err(|refused| (record_cause(refused.fault), refused.to_string()))
            .and_then(|record| {
                let channel = channel(known, &record, mark.is_some())?;
                Ok((channel, value(&record, tables.quantities[channel.at()])?, record.age_ms))
            }) {
            Ok((channel, value, age_ms)) => {
                inputs.push(Input::Reading {
                    channel,
                    value,
                    simulated: header.simulated,
                    age_ms,
                });
            }
            Err((cause, what)) => counters.count(cause, message.client, &what),
        }
    }
    Ok(tables.lanes.batch(inputs, mark))
}

/// How many samples a node says to have dropped since its start; none if this record says something else.
fn lost(known: &Known, record: Option<&Record<'_>>) -> Option<Micro> {
    match record?.value {
        Value::Micro(lost) if record?.name == LOST && !known.node.channels.contains_key(LOST) => Some(lost),
        _ => None,
    }
}

/// Why it has started, or which firmware it runs.
fn is_birth_text(record: Option<&Record<'_>>) -> bool {
    record.is_some_and(|r| matches!(r.value, Value::Text(_)) && [RESET, FIRMWARE].contains(&r.name))
}

/// A start that nobody asked for is counted: a board that begins anew again and again is about to fail.
fn says_started(known: &Known, record: Option<&Record<'_>>, counters: &Counters) {
    if let Some(Record {
        name: RESET,
        value: Value::Text(why @ ("watchdog" | "panic")),
        ..
    }) = record
    {
        counters.count(
            Cause::NodeReset,
            &known.id,
            &format_args!("it started anew after a {why}"),
        );
    }
}

/// Counted when the figure rises; every pack repeats it, and a restart begins anew.
fn says_lost(known: &Known, lost: Micro, counters: &Counters) {
    let before = known.history.lost.swap(lost.0, Ordering::Relaxed);
    if lost.0 > before {
        let what = format!("{} samples dropped since its start: its store was full", lost.0 / MICRO);
        counters.count(Cause::NodeLost, &known.id, &what);
    }
}

/// Takes the pack's place in the node's sequence; a pack at or below the mark is a replay.
fn admit(known: &Known, mark: Option<muster_wire::Mark>) -> Result<Option<Mark>, (Cause, String)> {
    let Some(next) = mark else {
        let free = known.node.channels.values().any(|c| !c.sequence);
        return if free {
            Ok(None)
        } else {
            Err((Cause::NoSequence, "a pack without boot and seq".into()))
        };
    };
    let mark = &known.history.mark;
    let mut highest = mark.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !highest.admits(next) {
        return Err((
            Cause::Replayed,
            format!(
                "boot {} seq {} is not above boot {} seq {}",
                next.boot, next.seq, highest.boot, highest.seq
            ),
        ));
    }
    *highest = next;
    Ok(Some(Mark {
        node: known.id.clone(),
        boot: next.boot,
        seq: next.seq,
    }))
}

fn channel(known: &Known, record: &Record<'_>, sequenced: bool) -> Result<ChannelIx, (Cause, String)> {
    let NodeChannel { channel, sequence } = known
        .node
        .channels
        .get(record.name)
        .ok_or_else(|| (Cause::UnknownChannel, unknown(known, record.name)))?;
    if *sequence && !sequenced {
        return Err((Cause::NoSequence, format!("{} needs boot and seq", record.name)));
    }
    Ok(*channel)
}

/// What there is instead, for whoever has misspelled it.
fn unknown(known: &Known, name: &str) -> String {
    // A node has about ten.
    const SHOWN: usize = 20;
    let signals: Vec<&str> = known.node.channels.keys().map(String::as_str).collect();
    let named = lines::some_of(&signals, SHOWN);
    format!("the config has no signal {name:?} of it; it has {named}")
}

/// A record's value in micro-units of its channel's quantity.
fn value(record: &Record<'_>, quantity: Quantity) -> Result<Result<Micro, Absence>, (Cause, String)> {
    let wrong = |what: &str| (Cause::WrongType, format!("{}: {what}", record.name));
    if let Some(unit) = record.unit
        && unit != quantity.unit().as_str()
    {
        return Err(wrong(&format!(
            "unit {unit:?}, expected {:?}",
            quantity.unit().as_str()
        )));
    }
    match record.value {
        Value::Micro(value) => Ok(Ok(value)),
        Value::Bool(on) if quantity.unit() == Unit::Contact => Ok(Ok(Micro(i64::from(on) * MICRO))),
        Value::Bool(_) => Err(wrong("true or false where a number is expected")),
        Value::Absent(reason) => Ok(Err(reason)),
        Value::Text(_) => Err(wrong("text where a number is expected")),
    }
}

fn pack_cause(fault: PackFault) -> Cause {
    match fault {
        PackFault::Oversized => Cause::Oversized,
        PackFault::MustUnderstand => Cause::MustUnderstand,
        PackFault::BaseName => Cause::Identity,
        PackFault::Mark => Cause::NoSequence,
        PackFault::Malformed | PackFault::Escape | PackFault::Version => Cause::Malformed,
    }
}

fn record_cause(fault: RecordFault) -> Cause {
    match fault {
        RecordFault::NotANumber => Cause::NotANumber,
        RecordFault::WrongType | RecordFault::NoName => Cause::WrongType,
        RecordFault::Future => Cause::Future,
    }
}
