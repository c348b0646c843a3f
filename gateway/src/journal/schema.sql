-- The journal, version 1. A change of meaning raises user_version (schema.rs); an older Muster then refuses the file.

-- What belongs to the file itself.
CREATE TABLE meta (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    progress_key BLOB    NOT NULL CHECK (length(progress_key) = 32),
    created_ms   INTEGER NOT NULL
) STRICT;

-- The decisions, hash-chained (chain.rs). Rows are only ever added, and removed from the beginning (prune.rs).
CREATE TABLE entry (
    seq     INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    body    TEXT    NOT NULL,
    hash    BLOB    NOT NULL
) STRICT;

-- Rows at the end of `entry` that this Muster could not read; kept as evidence, out of the way of new sequences.
CREATE TABLE aside (
    seq      INTEGER NOT NULL,
    at_ms    INTEGER NOT NULL,
    wall_ms  INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    hash     BLOB    NOT NULL,
    moved_ms INTEGER NOT NULL
) STRICT;

-- High-water marks of nodes; boot and seq are u64 with their bits kept.
CREATE TABLE mark (
    node TEXT PRIMARY KEY,
    boot INTEGER NOT NULL,
    seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Lines for people; a bounded ring.
CREATE TABLE event (
    id      INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    level   TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    line    TEXT    NOT NULL
) STRICT;

-- When the last transaction was; engine time goes on from here after a restart.
CREATE TABLE clock (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    engine_ms INTEGER NOT NULL,
    wall_ms   INTEGER NOT NULL
) STRICT;
