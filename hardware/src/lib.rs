//! Device profiles: register maps as data, with source, quirks, and how well each is proven.

/// How one model of device is read.
#[derive(Clone, Debug)]
pub struct Profile {}
