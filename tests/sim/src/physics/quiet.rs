//! A day on which nothing happens, except a broom.

/// Somebody sweeps this often.
const SWEPT_EVERY_MS: i64 = 3_600_000;
/// First time, after the story's zero.
const SWEPT_FIRST_MS: i64 = 120_000;
/// The cloud stays this long.
const CLOUD_MS: i64 = 20_000;
/// What it adds at its worst, percent a metre: as thick as real smoke, at one node.
const CLOUD_PER_M: f64 = 6.0;

/// Dust at the node by the door, percent a metre: a triangle of 20 s, once an hour.
pub(super) fn dust_per_m(t_ms: i64) -> f64 {
    let since_ms = (t_ms - SWEPT_FIRST_MS).rem_euclid(SWEPT_EVERY_MS);
    if since_ms >= CLOUD_MS {
        return 0.0;
    }
    let middle_ms = CLOUD_MS / 2;
    CLOUD_PER_M * (1.0 - (since_ms - middle_ms).abs() as f64 / middle_ms as f64)
}
