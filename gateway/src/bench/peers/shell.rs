//! The one-liner: `mosquitto_sub … | while read -r line; do curl …; done`.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Child;

use super::mosquitto::Mosquitto;
use super::{PeerError, process};

/// A running one-liner.
pub(super) struct Shell {
    _subscriber: Child,
    _shell: Child,
}

impl Shell {
    /// Starts both ends of the pipe.
    pub(super) fn start(folder: &Path, broker: &Mosquitto, hook: &str) -> Result<Self, PeerError> {
        let (sub, curl) = (process::find("mosquitto_sub")?, process::find("curl")?);
        let mut subscriber = process::command(sub, folder, "mosquitto_sub.log")?;
        subscriber
            .args(["-h", "127.0.0.1", "-p", &broker.address.port().to_string()])
            // The filter is all it decides by: whatever comes on an alarm topic is an alarm.
            .args(["-q", "1", "-t", "muster/v1/bench/+/alarm"])
            .stdout(Stdio::piped());
        let mut subscriber = process::start(&mut subscriber)?;
        let lines = subscriber.stdout.take().ok_or(PeerError::Pipe)?;
        let lines: Stdio = lines.try_into().map_err(PeerError::Start)?;
        let mut shell = process::command(process::find("sh")?, folder, "shell.log")?;
        let script = r#"while read -r line; do "$CURL" -s -o /dev/null -X POST -d "$line" "$HOOK"; done"#;
        shell
            .args(["-c", script])
            .env("CURL", curl)
            .env("HOOK", hook)
            .stdin(lines);
        Ok(Self {
            _subscriber: subscriber,
            _shell: process::start(&mut shell)?,
        })
    }
}
