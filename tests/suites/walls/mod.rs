//! The walls of the code base: who may depend on whom, what no room may contain, how large things may grow.
//! Each wall is a pure function over what was read, with a test that plants an offence and a test over the repository.

mod edges;
mod lock;
mod purity;
mod ratchet;
mod style;
mod tree;

/// Fails with one line for every offence, and with the rule they break.
fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}\n  {}\n", offences.join("\n  "));
}
