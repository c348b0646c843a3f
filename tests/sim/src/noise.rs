//! Repeatable noise: a value that depends only on the seed, the signal and the moment, so that the order in which
//! devices are asked changes nothing.

/// SplitMix64's output function (Steele, Lea, Flood 2014): every bit of the input stirs every bit of the output.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number in [0, 1) for a seed and a name.
pub(crate) fn share_of(seed: u64, name: &str) -> f64 {
    let stirred = name.bytes().fold(mix(seed), |state, byte| mix(state ^ u64::from(byte)));
    unit(stirred)
}

/// Noise of one signal at one moment, in (-1, 1), triangular around 0. New ten times a scenario second.
pub(crate) fn wobble(seed: u64, signal: u64, t_ms: i64) -> f64 {
    let moment = mix(seed ^ mix(signal) ^ mix(t_ms.div_euclid(100).cast_unsigned()));
    unit(moment) - unit(mix(moment))
}

/// The upper 53 bits as a fraction.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mix_is_splitmix64() {
        // First outputs of the reference generator seeded with 0.
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(0x9E37_79B9_7F4A_7C15), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn wobble_stays_inside_and_is_centred() {
        let all: Vec<f64> = (0..20_000).map(|i| wobble(7, 3, i * 100)).collect();
        assert!(all.iter().all(|w| w.abs() < 1.0));
        assert!((all.iter().sum::<f64>() / all.len() as f64).abs() < 0.02);
        assert_ne!(wobble(7, 3, 0), wobble(8, 3, 0));
        assert_ne!(wobble(7, 3, 0), wobble(7, 4, 0));
    }
}
