//! Targets that Muster knows how to speak to by itself.

mod attempts;
mod kubernetes;
mod slurm_munge;
