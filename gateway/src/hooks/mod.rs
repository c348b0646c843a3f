//! Contracts with the outside that carry out steps.
