//! Being asked to end.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves on ctrl-c, or when the process is told to terminate; at once where the system lets us hear neither.
pub(super) async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
