//! The embedded MQTT broker, behind a trait.
