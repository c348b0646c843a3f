//! Targets that need no program: what runs the workloads itself, real as it installs.

mod lxd;
mod lxd_cluster;
