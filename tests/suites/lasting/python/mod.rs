//! Evacuations cut short, against the reference receiver and its database.

mod kill;
mod stop;
mod story;
mod strace;
