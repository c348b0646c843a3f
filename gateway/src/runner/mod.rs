//! Carries out the core's calls: one attempt each, with a deadline, and tells what came of it.
