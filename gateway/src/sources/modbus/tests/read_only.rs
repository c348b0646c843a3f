//! No code in the gateway or in the profiles can write to a device. The names are put together here, so that this file
//! does not find itself.

use std::path::{Path, PathBuf};

/// Names of the library's write calls and requests, in pieces; `Custom` could carry any function code.
const WRITES: [(&str, &str); 8] = [
    ("write", "_single"),
    ("write", "_multiple"),
    ("masked", "_write"),
    ("Write", "Single"),
    ("Write", "Multiple"),
    ("Mask", "Write"),
    ("Request::", "Custom"),
    ("client::", "Writer"),
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_function_that_writes_is_named_anywhere() {
    let gateway = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&gateway.join("src"), &mut files);
    rust_files(&gateway.join("../hardware/src"), &mut files);
    assert!(files.iter().any(|f| f.ends_with("modbus/link.rs")) && files.len() > 20);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (a, b) in WRITES {
            assert!(!text.contains(&format!("{a}{b}")), "{a}{b} in {}", file.display());
        }
    }
}
