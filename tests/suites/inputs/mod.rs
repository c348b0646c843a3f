//! Everything that comes in: good, bad, late, false and too much. Whatever is turned away is counted by its cause,
//! loses nothing else, and decides nothing: a canary beside it goes on being heard, and its vote still counts.

mod checked_process;
mod contacts;
mod contacts_pymodbus;
mod dead_devices;
mod enroll_mosquitto;
mod fit_out;
mod incident_file;
mod modbus_raw_paho;
mod paho_flood_mosquitto;
mod paho_identity;
mod paho_packs;
mod paho_restart;
mod paho_silence;
mod peers;
mod pymodbus_paho;
mod raw_bytes_paho;
mod tls_groups_paho;
mod tls_paho;
mod tls_raw_paho;
mod tls_refused_paho;
mod whole_way;
