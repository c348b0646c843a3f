//! Puts the linker's scripts where it looks for them.

use std::env;
use std::fs;
use std::path::PathBuf;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for (name, script) in [
        ("memory.x", include_str!("memory.x")),
        ("device.x", include_str!("device.x")),
    ] {
        fs::write(out.join(name), script).expect("OUT_DIR can be written");
    }
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rerun-if-changed=memory.x");
}
