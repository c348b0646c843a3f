//! The repository's own files, as the walls see them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A text file of the repository.
pub(super) struct Source {
    /// Path from the repository's root, with `/`.
    pub(super) path: String,
    /// The whole content.
    pub(super) text: String,
}

/// The repository's root. Cargo names it when the tests run: a path compiled in would be another checkout's where two
/// share a build folder.
pub(super) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here)
        .join("../..")
        .canonicalize()
        .expect("the root of the repository")
}

/// One file that must be there.
pub(super) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// Every file that is tracked; where git cannot tell (an unpacked archive), every file outside `target`.
pub(super) fn tracked() -> Vec<String> {
    let listed = listed_by_git(&["--cached"]).unwrap_or_else(walked);
    listed.into_iter().filter(|path| root().join(path).is_file()).collect()
}

/// Every text file that is tracked, or would be with the next `git add`.
pub(super) fn texts() -> Vec<Source> {
    let listed = listed_by_git(&["--cached", "--others", "--exclude-standard"]).unwrap_or_else(walked);
    listed.into_iter().filter_map(source).collect()
}

/// Those of them that are Rust.
pub(super) fn rust() -> Vec<Source> {
    let mut sources = texts();
    sources.retain(|source| source.path.ends_with(".rs"));
    assert!(sources.len() > 10, "the walls see only {} Rust files", sources.len());
    sources
}

/// Reads one file; none if it is gone or is not text.
fn source(path: String) -> Option<Source> {
    let text = std::fs::read_to_string(root().join(&path)).ok()?;
    Some(Source { path, text })
}

fn listed_by_git(which: &[&str]) -> Option<Vec<String>> {
    let answer = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(which)
        .current_dir(root())
        .output()
        .ok()?;
    let listed: Vec<String> = String::from_utf8(answer.stdout)
        .ok()?
        .split_terminator('\0')
        .map(String::from)
        .collect();
    // A copy inside somebody else's checkout is listed as theirs: then git cannot tell either.
    let ours = answer.status.success() && listed.iter().any(|path| path == "Cargo.toml");
    ours.then_some(listed)
}

fn walked() -> Vec<String> {
    let (mut files, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)
            .expect("a folder of the repository")
            .flatten()
        {
            let path = entry.path();
            if !path.is_dir() {
                let inside = path.strip_prefix(root()).expect("a path below the root");
                files.push(inside.to_string_lossy().replace('\\', "/"));
            } else if entry.file_name() != "target" && entry.file_name() != ".git" {
                folders.push(path);
            }
        }
    }
    files
}

#[test]
fn both_ways_of_listing_find_the_manifests() {
    for listed in [tracked(), walked()] {
        assert!(listed.iter().any(|path| path == "Cargo.toml"));
        assert!(listed.iter().any(|path| path == "gateway/core/Cargo.toml"));
        assert!(listed.iter().all(|path| !path.starts_with("target/")));
    }
}
