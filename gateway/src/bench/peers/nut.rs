//! NUT: dummy-ups on a file → upsd → upsmon → upssched → curl, in a folder of its own and as whoever runs the bench.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Child;

use super::{PeerError, process};

/// Whole seconds are the smallest NUT takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Folder and name of the set.
    pub(super) name: &'static str,
    /// Of the driver.
    pub(super) pollinterval_s: u32,
    /// Of upsmon, on mains and on battery.
    pub(super) pollfreq_s: u32,
}

/// As installed: the driver's default, and Debian's upsmon.conf.
pub(super) const DEFAULTS: Pace = Pace {
    name: "nut-defaults",
    pollinterval_s: 2,
    pollfreq_s: 5,
};
/// The fastest there is.
pub(super) const FASTEST: Pace = Pace {
    name: "nut-fastest",
    pollinterval_s: 1,
    pollfreq_s: 1,
};

/// What the file says: on battery, and on mains. A dummy-once is read again when its time, in whole seconds, has changed.
pub(super) const STATUS: [&str; 2] = ["ups.status: OB\nups.mfr: bench\n", "ups.status: OL\nups.mfr: bench\n"];

/// Where Debian's monitor notes that it runs, wherever everything else is kept.
const PID_FOLDER: &str = "/run/nut";

/// Each program finds the next one's socket there after this long.
const BETWEEN_STARTS: Duration = Duration::from_millis(1_500);

/// A running chain. Dropping it ends it.
pub(super) struct Nut {
    /// The simulated UPS's file.
    pub(super) file: PathBuf,
    /// What the monitor leaves behind.
    pid_file: PathBuf,
    _processes: Vec<Child>,
}

impl Nut {
    /// Starts driver, server and monitor, one after the other.
    pub(super) async fn start(parent: &Path, pace: Pace, hook: &str) -> Result<Self, PeerError> {
        let curl = process::find("curl")?;
        let (driver, server, monitor) = (process::find("dummy-ups")?, real("upsd")?, real("upsmon")?);
        let scheduler = process::find("upssched")?;
        let folder = process::folder(parent, pace.name)?;
        let file = configure(&folder, pace, process::free_port()?, [&scheduler, &curl], hook)?;
        let mut processes = Vec::new();
        // Of one name only one monitor may run on a machine, and the machine may have its own, or another bench. A driver
        // minds its name.
        let name = format!("upsmon-{}-{}", pace.name, std::process::id());
        for (program, called, arguments) in [
            (driver, "dummy-ups", &["-F", "-a", "ups", "-u", "root"][..]),
            (server, "upsd", &["-F", "-u", "root"]),
            // -p: one process as whoever we are, instead of one as root and one as another user.
            (monitor, &name, &["-F", "-p", "-u", "root"]),
        ] {
            let mut command = process::command(program, &folder, &format!("{called}.log"))?;
            command.arg0(called).args(arguments);
            for place in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_ALTPIDPATH"] {
                command.env(place, &folder);
            }
            processes.push(process::start(&mut command)?);
            tokio::time::sleep(BETWEEN_STARTS).await;
        }
        Ok(Self {
            file,
            pid_file: Path::new(PID_FOLDER).join(format!("{name}.pid")),
            _processes: processes,
        })
    }
}

impl Drop for Nut {
    fn drop(&mut self) {
        // It is not there where the monitor may not write it.
        let _ = std::fs::remove_file(&self.pid_file);
    }
}

/// The program itself: what Debian has in the path is a script that starts nothing until NUT is configured for the system.
pub(super) fn real(program: &'static str) -> Result<PathBuf, PeerError> {
    let own = ["/lib/nut", "/usr/lib/nut"].map(|folder| Path::new(folder).join(program));
    own.into_iter()
        .find(|file| file.is_file())
        .map_or_else(|| process::find(program), Ok)
}

/// Writes every file; the simulated UPS's is told.
fn configure(
    folder: &Path,
    pace: Pace,
    port: u16,
    [scheduler, curl]: [&Path; 2],
    hook: &str,
) -> Result<PathBuf, PeerError> {
    let (here, poll, freq) = (folder.display(), pace.pollinterval_s, pace.pollfreq_s);
    let file = process::write(folder, "ups.dev", STATUS[1])?;
    let driver =
        format!("[ups]\ndriver = dummy-ups\nport = {here}/ups.dev\nmode = dummy-once\npollinterval = {poll}\n");
    process::write(folder, "ups.conf", &driver)?;
    process::write(folder, "upsd.conf", &format!("LISTEN 127.0.0.1 {port}\n"))?;
    process::write(folder, "upsd.users", "[bench]\npassword = bench\nupsmon primary\n")?;
    let monitor = format!(
        "MONITOR ups@127.0.0.1:{port} 1 bench bench primary\nMINSUPPLIES 1\nSHUTDOWNCMD \"/bin/true\"\n\
         POLLFREQ {freq}\nPOLLFREQALERT {freq}\nHOSTSYNC 15\nDEADTIME 15\nFINALDELAY 5\nNOTIFYCMD {}\n\
         NOTIFYFLAG ONBATT EXEC\nNOTIFYFLAG ONLINE EXEC\n",
        scheduler.display()
    );
    process::write(folder, "upsmon.conf", &monitor)?;
    let schedule = format!(
        "CMDSCRIPT {here}/call.sh\nPIPEFN {here}/upssched.pipe\nLOCKFN {here}/upssched.lock\n\
         AT ONBATT * EXECUTE onbatt\nAT ONLINE * EXECUTE online\n"
    );
    process::write(folder, "upssched.conf", &schedule)?;
    let call = format!(
        "#!/bin/sh\nexec {} -s -o /dev/null -X POST -d \"$1\" {hook}\n",
        curl.display()
    );
    executable(&process::write(folder, "call.sh", &call)?)?;
    Ok(file)
}

fn executable(file: &Path) -> Result<(), PeerError> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).map_err(PeerError::Files)
}
