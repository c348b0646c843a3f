//! What Sensirion's chips have in common: words of 16 bits, each followed by its check sum.

use super::Measurands;

/// CRC-8, polynomial 0x31, initial value 0xFF (SHT4x datasheet, 4.4; SGP40 datasheet, 3.4).
fn crc(word: [u8; 2]) -> u8 {
    word.iter().fold(0xFF, |crc, byte| {
        (0..8).fold(
            crc ^ byte,
            |crc, _| if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ 0x31 },
        )
    })
}

/// Words as they stand on the bus.
pub(super) fn words(words: &[u16], around: &Measurands) -> Vec<u8> {
    let on_bus = words.iter().flat_map(|word| {
        let [high, low] = word.to_be_bytes();
        let crc = crc([high, low]);
        [high, low, if around.noise { crc ^ 0x10 } else { crc }]
    });
    on_bus.collect()
}

/// Reads the words of an argument; `None` if a check sum is wrong.
pub(super) fn arguments(bytes: &[u8]) -> Option<Vec<u16>> {
    let word = |three: &[u8]| {
        let [high, low, sum] = three.try_into().ok()?;
        (crc([high, low]) == sum).then(|| u16::from_be_bytes([high, low]))
    };
    bytes.chunks(3).map(word).collect()
}

/// A value on a scale of 16 bits, within its ends.
pub(super) fn scaled(value: f64, low: f64, span: f64) -> u16 {
    ((value - low) / span * 65_535.0).round().clamp(0.0, 65_535.0) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_sum_is_the_datasheets() {
        assert_eq!(crc([0xBE, 0xEF]), 0x92);
        let around = Measurands::default();
        assert_eq!(arguments(&words(&[0xBEEF, 7], &around)), Some(vec![0xBEEF, 7]));
        assert_eq!(arguments(&[0xBE, 0xEF, 0x93]), None);
    }
}
