//! Targets that Muster knows how to speak to by itself: what runs the workloads, real where it installs.

mod attempts;
mod kubernetes;
mod lxd;
mod lxd_cluster;
mod slurm_munge;
