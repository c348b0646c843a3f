//! Numbers, stamps, journals, and calls the core. The only task that owns the state.
