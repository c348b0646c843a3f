//! Waiting without looking dead.

use core::pin::Pin;

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, Timer};

use super::Desk;

/// Waits for something that has a bound of its own, and turns the session's loop meanwhile: a network that is away for
/// longer than the watchdog's patience must not reset the node, which would lose all that it has kept.
pub(super) async fn turning<F: Future, const CHANNELS: usize, const STORE: usize>(
    desk: &Desk<'_, CHANNELS, STORE>,
    every: Duration,
    mut bounded: Pin<&mut F>,
) -> F::Output {
    loop {
        match select(bounded.as_mut(), Timer::after(every)).await {
            Either::First(output) => return output,
            Either::Second(()) => desk.turn(),
        }
    }
}
