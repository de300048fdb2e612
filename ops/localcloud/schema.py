"""The tables of localcloud's state; all of them are made where they are missing."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    id TEXT PRIMARY KEY,              -- the ARM id in lower case
    parent TEXT NOT NULL,             -- the id without its last type/name pair
    type TEXT NOT NULL,               -- the last type segment, lower case
    body TEXT NOT NULL,               -- the resource as a GET shows it, JSON
    generation INTEGER NOT NULL,      -- how often a client has written it
    created TEXT NOT NULL,
    modified TEXT NOT NULL,
    created_by TEXT NOT NULL DEFAULT 'localcloud',
    modified_by TEXT NOT NULL DEFAULT 'localcloud'
);
CREATE INDEX IF NOT EXISTS resources_by_parent ON resources (parent, type);
CREATE TABLE IF NOT EXISTS secrets (
    owner TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (owner, name)
);
CREATE TABLE IF NOT EXISTS operations (
    id TEXT PRIMARY KEY, resource TEXT NOT NULL, kind TEXT NOT NULL,
    generation INTEGER NOT NULL, status TEXT NOT NULL, error TEXT,
    started TEXT NOT NULL, ended TEXT
);
CREATE INDEX IF NOT EXISTS operations_open ON operations (resource, status);
CREATE TABLE IF NOT EXISTS instances (
    id TEXT PRIMARY KEY, deployment TEXT NOT NULL, fingerprint TEXT NOT NULL,
    state TEXT NOT NULL, pid INTEGER, process_created REAL, port INTEGER,
    started TEXT, ready TEXT, restarts INTEGER NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY, at TEXT NOT NULL, resource TEXT NOT NULL,
    instance TEXT NOT NULL, name TEXT NOT NULL, message TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS activity (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL,
    resource TEXT NOT NULL, operation TEXT NOT NULL, event TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS activity_by_time ON activity (at);
CREATE INDEX IF NOT EXISTS activity_by_operation ON activity (operation);
CREATE TABLE IF NOT EXISTS memories (owner TEXT PRIMARY KEY, memory TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id TEXT PRIMARY KEY,              -- of what, and to whom
    about TEXT NOT NULL, event TEXT NOT NULL, kind TEXT NOT NULL,
    receiver TEXT NOT NULL, address TEXT NOT NULL, body TEXT NOT NULL,
    state TEXT NOT NULL, detail TEXT NOT NULL, attempts INTEGER NOT NULL,
    due REAL NOT NULL,                -- in real time
    created TEXT NOT NULL, ended TEXT
);
CREATE INDEX IF NOT EXISTS deliveries_by_state ON deliveries (state, address);
CREATE INDEX IF NOT EXISTS deliveries_by_about ON deliveries (about);
CREATE TABLE IF NOT EXISTS blobs (
    container TEXT NOT NULL, name TEXT NOT NULL, file TEXT NOT NULL,
    size INTEGER NOT NULL, md5 TEXT NOT NULL, etag TEXT NOT NULL,
    content_type TEXT NOT NULL, metadata TEXT NOT NULL, modified TEXT NOT NULL,
    PRIMARY KEY (container, name)
);
CREATE TABLE IF NOT EXISTS leases (
    container TEXT NOT NULL, blob TEXT NOT NULL, id TEXT NOT NULL,
    seconds INTEGER NOT NULL, ends REAL, breaks REAL,
    PRIMARY KEY (container, blob)
);
"""

# Columns that a file of an earlier version lacks.
LATER = [
    ("resources", "created_by", "TEXT NOT NULL DEFAULT 'localcloud'"),
    ("resources", "modified_by", "TEXT NOT NULL DEFAULT 'localcloud'"),
]
