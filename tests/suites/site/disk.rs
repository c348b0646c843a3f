//! Small disks of a test's own, to be filled up or to stand still. Both need root; without it the test says so aloud.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A mounted disk; unmounted when dropped.
pub(crate) struct Disk {
    folder: TempDir,
    frozen: std::cell::Cell<bool>,
}

impl Disk {
    /// A disk in memory of so many KiB.
    pub(crate) fn in_memory(kib: u32) -> Option<Self> {
        Self::mount("a small disk", |at| {
            run("mount", &["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs", at])
        })
    }

    /// A file system that can be frozen.
    pub(crate) fn that_can_stand_still() -> Option<Self> {
        let image = TempDir::new().unwrap();
        let file = image.path().join("disk.img");
        std::fs::File::create(&file).unwrap().set_len(16 << 20).unwrap();
        let file = file.to_str().unwrap();
        // The kernel holds the image open; its name may go.
        Self::mount("a disk that can be frozen", |at| {
            run("mkfs.ext4", &["-q", file]) && run("mount", &["-o", "loop", file, at])
        })
    }

    fn mount(what: &str, mount: impl Fn(&str) -> bool) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        if !mount(folder.path().to_str().unwrap()) {
            eprintln!("SKIPPED: {what} cannot be mounted here (that needs root)");
            return None;
        }
        let frozen = std::cell::Cell::new(false);
        Some(Self { folder, frozen })
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all its room; removing the file gives it back.
    pub(crate) fn fill(&self) -> PathBuf {
        use std::io::Write as _;
        let path = self.path().join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        while file.write_all(&[0x55; 512]).is_ok() {}
        path
    }

    /// Nothing is written from here on: every write waits.
    pub(crate) fn freeze(&self) {
        self.frozen.set(run("fsfreeze", &["-f", self.path().to_str().unwrap()]));
        assert!(self.frozen.get());
    }

    /// Writing goes on.
    pub(crate) fn thaw(&self) {
        if self.frozen.replace(false) {
            assert!(run("fsfreeze", &["-u", self.path().to_str().unwrap()]));
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.thaw();
        run("umount", &["-l", self.path().to_str().unwrap()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .output()
        .is_ok_and(|output| output.status.success())
}
