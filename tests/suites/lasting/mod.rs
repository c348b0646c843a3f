//! What lasts: killed, stopped, started twice, without a disk; and the journal read by its own command.

mod disk;
mod journal;
mod python;
mod twice;
