//! Recordings of snmpsim: `oid|tag|value`, the tag a number of BER, with `x` behind it for hexadecimal values.

use std::collections::BTreeMap;

use super::{CaptureError, Object, Objects};
use crate::Oid;

/// Objects as they stand in the file, by their instance.
pub type Records = BTreeMap<Oid, Record>;

/// One object as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its type, a tag of BER: 2 INTEGER, 4 OCTET STRING, 5 NULL, 6 OBJECT IDENTIFIER, 64 IpAddress, 65 Counter32,
    /// 66 Gauge32, 67 TimeTicks, 68 Opaque, 70 Counter64. None where a variation module of snmpsim is to compute it.
    pub tag: Option<u8>,
    /// Its value: the bytes of a text or an address, else what is written.
    pub bytes: Vec<u8>,
}

pub(super) fn parse(text: &str) -> Result<Objects, CaptureError> {
    let records = records(text)?;
    Ok(records
        .into_iter()
        .map(|(oid, record)| (oid, object(&record)))
        .collect())
}

/// Every object once; of two lines for one the last.
pub(super) fn records(text: &str) -> Result<Records, CaptureError> {
    let mut records = Records::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (oid, record) = record(line).map_err(|what| CaptureError { line: n + 1, what })?;
        records.insert(oid, record);
    }
    Ok(records)
}

/// Whether a line is one of these, whatever its value.
pub(super) fn is_line(line: &str) -> bool {
    let oid = line.split_once('|').map(|(oid, _)| oid.trim().parse::<Oid>());
    matches!(oid, Some(Ok(_)))
}

fn record(line: &str) -> Result<(Oid, Record), String> {
    let mut parts = line.splitn(3, '|');
    let (Some(oid), Some(tag), Some(value)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("a line is `1.3.6.1.2.1.33.1.2.4.0|2|100`: object, tag, value".into());
    };
    let oid: Oid = oid.trim().parse().map_err(|why| format!("{oid:?}: {why}"))?;
    let hex = tag.strip_suffix('x').map(|tag| (tag, unhex(value)));
    let (tag, bytes) = match hex {
        // snmpsim takes what is no hexadecimal number for a text as well.
        Some((tag, bytes)) => (tag, bytes.unwrap_or_else(|| value.into())),
        None => (tag, value.into()),
    };
    let tag = tag.trim().parse().ok();
    Ok((oid, Record { tag, bytes }))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim().as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let plain = digits.iter().all(u8::is_ascii_hexdigit) && digits.len().is_multiple_of(2);
    plain.then(|| digits.chunks(2).map(pair).collect()).flatten()
}

/// What a profile can read.
fn object(record: &Record) -> Object {
    let Ok(text) = std::str::from_utf8(&record.bytes) else {
        return Object::Other;
    };
    let number = || text.trim().parse().map_or(Object::Other, Object::Number);
    match record.tag {
        Some(2 | 65 | 66 | 70) => number(),
        Some(67) => text.trim().parse().map_or(Object::Other, Object::Ticks),
        Some(4) => Object::Text(text.to_owned()),
        Some(6) => text.trim().parse().map_or(Object::Other, Object::Oid),
        _ => Object::Other,
    }
}
