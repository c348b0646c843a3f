//! Modbus TCP: one task a bus, every call with a deadline, read functions only.
