//! From bytes to readings: checks everything about a pack except what it means.
