//! What a board does between two samples.

use embassy_time::{Duration, Instant, Timer};
use muster_node::mqtt::Desk;
use muster_wire::Micro;

/// Waits for the node's next tick, and looks at its supply every `every_ms` meanwhile (0 = never): a sag is the last message,
/// and does not wait for a sample.
pub async fn until_tick<const CHANNELS: usize, const STORE: usize>(
    desk: &Desk<'_, CHANNELS, STORE>,
    every_ms: u64,
    channel: usize,
    mut look: impl FnMut() -> Option<Micro>,
) {
    let tick = Instant::from_millis(desk.next_tick_ms());
    while every_ms > 0 {
        let next = Instant::now() + Duration::from_millis(every_ms);
        if next >= tick {
            break;
        }
        Timer::at(next).await;
        desk.glance(Instant::now().as_millis(), channel, &mut look);
    }
    Timer::at(tick).await;
}
