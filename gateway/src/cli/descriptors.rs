//! Room for connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of files and sockets the process may have open to what the machine allows. Usual is 1,024, which a
/// thousand nodes and a page would use up; a process that asks for no more than its hard limit is always let.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
