//! Running it: reload, stop, the service manager and its watchdog, the package, retention.

mod cargo_deb;
mod notify;
mod reload;
mod reload_flood;
mod reload_process;
mod retention;
mod room;
mod scripts;
mod stop;
mod systemd_unit;
mod watchdog;
