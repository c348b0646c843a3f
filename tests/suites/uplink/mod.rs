//! Somebody else's broker, real ones: restarted, killed, paused, swapped, hostile, full. Whatever happens to it, nothing is
//! taken twice, nothing is acknowledged that was not taken, and the alarm that comes after it has healed evacuates.

pub(crate) mod broker;
mod cut;
mod guests_mosquitto;
mod listener;
mod mosquitto;
mod mosquitto_line;
mod mosquitto_tls;
mod nats;
mod other_sensors_mosquitto;
mod tarpit;
mod watched;
