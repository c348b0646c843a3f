//! Says in time that the listener's certificates expire: a node that checks dates would be refused by the next one.

use std::time::Duration;

use muster_core::Input;
use tokio::sync::watch;

use super::listener::Parts;
use crate::config::TlsFiles;
use crate::{certs, clock};

/// Nothing about a date changes faster.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// The part of Muster that is in trouble.
const PART: &str = "mqtt-certificates";

/// Looks at the start, after every change of the files, and once an hour, until the broker stops.
pub(super) async fn look(mut files: watch::Receiver<Option<TlsFiles>>, parts: Parts) {
    let mut stopped = parts.stop.subscribe();
    let mut said = None;
    loop {
        let trouble = files.borrow_and_update().as_ref().and_then(trouble);
        if trouble != said {
            said.clone_from(&trouble);
            let part = PART.into();
            parts.ingest.say(Input::Own { part, trouble }).await;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            changed = files.changed() => if changed.is_err() { return },
            _ = stopped.recv() => return,
        }
    }
}

fn trouble(files: &TlsFiles) -> Option<String> {
    let now_s = clock::wall_now_ms() / 1_000;
    let lines = match certs::expiring(files, now_s) {
        Ok(lines) => lines,
        Err(error) => vec![error.to_string()],
    };
    (!lines.is_empty()).then(|| lines.join("; "))
}
