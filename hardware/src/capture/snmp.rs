//! Recordings of snmpsim: `oid|tag|value`, the tag a number of BER, with `x` behind it for hexadecimal values.

use super::{CaptureError, Object, Objects};
use crate::Oid;

pub(super) fn parse(text: &str) -> Result<Objects, CaptureError> {
    let mut objects = Objects::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (oid, object) = object(line).map_err(|what| CaptureError { line: n + 1, what })?;
        objects.insert(oid, object);
    }
    Ok(objects)
}

fn object(line: &str) -> Result<(Oid, Object), String> {
    let mut parts = line.splitn(3, '|');
    let (Some(oid), Some(tag), Some(value)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("a line is `1.3.6.1.2.1.33.1.2.4.0|2|100`: object, tag, value".into());
    };
    let oid: Oid = oid.trim().parse().map_err(|why| format!("{oid:?}: {why}"))?;
    let number = || value.trim().parse().map_or(Object::Other, Object::Number);
    Ok((
        oid,
        match tag {
            "2" | "65" | "66" | "70" => number(),
            "67" => value.trim().parse().map_or(Object::Other, Object::Ticks),
            "4" => Object::Text(value.to_owned()),
            "6" => value.trim().parse().map_or(Object::Other, Object::Oid),
            // Variation modules of snmpsim compute what no recording holds; hexadecimal text is no number.
            _ => Object::Other,
        },
    ))
}
