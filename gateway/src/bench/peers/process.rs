//! A peer's process: ends with its handle, and is heard in a log beside its config.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::PeerError;

/// Where a system keeps what is not in everybody's path: brokers and NUT's own programs.
const FURTHER: [&str; 6] = [
    "/usr/sbin",
    "/usr/local/sbin",
    "/sbin",
    "/lib/nut",
    "/usr/lib/nut",
    "/usr/libexec/nut",
];

/// A program tells its version within this.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The first file of this name in the path, or where systems keep such programs.
pub(in super::super) fn find(program: &'static str) -> Result<PathBuf, PeerError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let further = FURTHER.iter().map(PathBuf::from);
    let folders = std::env::split_paths(&path).chain(further);
    let found = folders.map(|folder| folder.join(program)).find(|file| file.is_file());
    found.ok_or(PeerError::NotInstalled(program))
}

/// A folder for a peer's files, empty.
pub(in super::super) fn folder(parent: &Path, name: &str) -> Result<PathBuf, PeerError> {
    let folder = parent.join(name);
    std::fs::create_dir(&folder).map_err(PeerError::Files)?;
    // A peer that was given another name of it would print that.
    folder.canonicalize().map_err(PeerError::Files)
}

/// Writes one of a peer's files.
pub(in super::super) fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, PeerError> {
    let file = folder.join(name);
    std::fs::write(&file, text).map_err(PeerError::Files)?;
    Ok(file)
}

/// A command that ends with its handle, hears nothing, and writes to a log in `folder`.
pub(in super::super) fn command(program: impl AsRef<OsStr>, folder: &Path, log: &str) -> Result<Command, PeerError> {
    let out = File::create(folder.join(log)).map_err(PeerError::Files)?;
    let errors = out.try_clone().map_err(PeerError::Files)?;
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .kill_on_drop(true);
    Ok(command)
}

/// Starts it.
pub(in super::super) fn start(command: &mut Command) -> Result<Child, PeerError> {
    command.spawn().map_err(PeerError::Start)
}

/// The first line a program prints for these arguments.
pub(in super::super) async fn first_line(program: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(ANSWER_WITHIN, command.output()).await.ok()?.ok()?;
    let line = String::from_utf8_lossy(&output.stdout)
        .lines()
        .next()?
        .trim()
        .to_owned();
    (!line.is_empty()).then_some(line)
}

/// A port that is free now. A peer cannot tell which one it took, so it is told one.
pub(in super::super) fn free_port() -> Result<u16, PeerError> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(PeerError::Files)?;
    Ok(socket.local_addr().map_err(PeerError::Files)?.port())
}
