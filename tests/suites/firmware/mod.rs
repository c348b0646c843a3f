//! The firmware of a node: its session and its TLS on this machine, and whole boards in the emulator.

mod authority;
mod emulator;
mod qemu;
mod session;
mod silicon;
mod tls;
