//! The command line of a board's QEMU.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::{BoardError, Image};

/// Files of a board's folder: its memory, the socket of QEMU's monitor, that of the room's I2C, and what QEMU complains of.
pub(super) const EEPROM: &str = "eeprom";
pub(super) const MONITOR: &str = "monitor";
pub(super) const BUS: &str = "bus";
pub(super) const LOG: &str = "qemu.log";

const EMULATOR: &str = "qemu-system-arm";

/// Starts the process of a board whose folder has its memory, its serial line at a TCP port of this machine if there is one.
pub(super) fn start(folder: &Path, image: &Image, settings: &str, line: Option<u16>) -> Result<Child, BoardError> {
    let emulator = on_path(EMULATOR).ok_or(BoardError::NoEmulator)?;
    if !image.path().is_file() {
        return Err(BoardError::NoImage(image.path().to_owned()));
    }
    for socket in [MONITOR, BUS] {
        // Of a run before, if there was one.
        let _ = std::fs::remove_file(folder.join(socket));
    }
    let log = std::fs::File::create(folder.join(LOG)).map_err(BoardError::Folder)?;
    let mut command = dying_with_us(&emulator);
    arguments(&mut command, folder, image.path(), settings);
    if let Some(port) = line {
        command.args(["-serial", &format!("tcp:127.0.0.1:{port}")]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    command.kill_on_drop(true).spawn().map_err(BoardError::Start)
}

fn arguments(command: &mut Command, folder: &Path, image: &Path, settings: &str) {
    let socket = |name: &str| format!("unix:{},server=on,wait=off", folder.join(name).display());
    let memory = folder.join(EEPROM);
    command
        .args("-M mps2-an386 -cpu cortex-m4 -display none -monitor none -serial stdio".split(' '))
        .args(["-serial", &socket(BUS)])
        .args(["-semihosting-config", "enable=on,target=native"])
        .args(["-netdev", "user,id=n0", "-net", "nic,netdev=n0,model=lan9118"])
        .args(["-device", "tmp105,id=t0,address=0x48"])
        .args(["-drive", &format!("if=none,id=e0,format=raw,file={}", memory.display())])
        .args(["-device", "at24c-eeprom,address=0x50,rom-size=4096,drive=e0"])
        .args(["-qmp", &socket(MONITOR)])
        .arg("-kernel")
        .arg(image)
        .args(["-append", settings]);
}

/// A dropped board is killed by us; if we are killed ourselves, the system does it, where util-linux is there to ask it to.
fn dying_with_us(emulator: &Path) -> Command {
    let Some(setpriv) = on_path("setpriv") else {
        return Command::new(emulator);
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL"]).arg(emulator);
    command
}

/// Where a program is.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join(program));
    found.into_iter().find(|file| file.is_file())
}
