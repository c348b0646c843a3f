//! What lasts: killed, stopped, started twice, without a disk; and the journal read by its own command.

mod disk;
mod flight;
mod journal;
mod orders;
mod python;
mod twice;
mod unreached;
