//! `muster`: see `muster --help`.

fn main() {}
