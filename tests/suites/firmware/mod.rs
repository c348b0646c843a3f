//! The firmware of a node: its session and its TLS on this machine, and whole boards in the emulator.

mod authority;
mod emulator;
mod modbus;
mod qemu;
mod qemu_pymodbus;
mod qemu_sag;
mod session;
mod silicon;
mod slave;
mod tap;
mod tls;
