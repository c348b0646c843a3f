//! Mail to a real server.

mod server;
mod story;

pub(super) use server::{Mail, Server};
