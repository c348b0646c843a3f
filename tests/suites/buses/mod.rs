//! Serial lines, with servers on them that nobody here wrote.

mod libmodbus;
mod pymodbus;

use std::fs::File;

use tokio::io::copy_bidirectional;
use tokio::task::JoinHandle;
use tokio_serial::{SerialPort, SerialStream};

use crate::stand::{Room, Stand, run_to_end};

/// Two ttys, and a wire between them.
struct Cable {
    /// Ours.
    near: String,
    /// The server's.
    far: String,
    wire: JoinHandle<()>,
    /// So that nobody has hung up while nobody has opened them.
    _held: [File; 2],
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.wire.abort();
    }
}

impl Cable {
    fn new() -> Self {
        let end = || {
            let (master, slave) = SerialStream::pair().unwrap();
            let name = slave.name().unwrap();
            let held = File::open(&name).unwrap();
            (master, name, held)
        };
        let ((mut a, near, held), (mut b, far, held_too)) = (end(), end());
        let wire = tokio::spawn(async move { drop(copy_bidirectional(&mut a, &mut b).await) });
        Self {
            near,
            far,
            wire,
            _held: [held, held_too],
        }
    }
}

/// Lines of config of two devices on one port: a contact module at unit 1, and a battery monitor at unit 7.
fn devices(port: &str) -> String {
    format!(
        "[[source]]\nid = \"panel\"\nkind = \"modbus\"\n{port}\nunit = 1\nprofile = \"generic/dry-contacts\"\n\
         zone = \"room\"\nsignals = [\"in1\", \"in2\"]\n\
         [[channel]]\nid = \"panel.fire_alarm\"\nsource = \"panel\"\nsignal = \"in1\"\nquantity = \"fire_alarm\"\n\
         [[source]]\nid = \"bms\"\nkind = \"modbus\"\n{port}\nunit = 7\nprofile = \"generic/battery-monitor\"\n\
         zone = \"room\"\nsignals = [\"battery_alarm\", \"max_cell_temperature\", \"charge\"]\n"
    )
}

fn room(port: &str) -> Room {
    Room::with(&["n1"]).and(&devices(port))
}

/// Within two polls both devices are read; a value of a channel as it is shown.
async fn until_value(stand: &Stand, channel: &str, value: &str) {
    stand
        .api
        .until_channel(channel, value, |c| {
            c.quality == "good" && c.value.as_deref() == Some(value)
        })
        .await;
}

/// What a command prints.
async fn printed(arguments: &[&str]) -> String {
    let output = run_to_end(arguments).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}
