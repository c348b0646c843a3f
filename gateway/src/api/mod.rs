//! HTTP: the API, the metrics and the one page. Reads snapshots, never the state.
