-- Artifacts: what runs log and use, in versions. Bytes lie on the disk by their SHA-256; here is what they mean.
CREATE TABLE artifact_types (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    UNIQUE (project_id, name)
);
CREATE TABLE collections (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    project_id INTEGER NOT NULL,
    type_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    is_portfolio INTEGER NOT NULL DEFAULT 0, -- versions are linked into it; else runs log into it
    description TEXT,
    tags TEXT, -- JSON list
    next_version INTEGER NOT NULL DEFAULT 0,
    created_unix_ms INTEGER NOT NULL,
    updated_unix_ms INTEGER NOT NULL,
    UNIQUE (project_id, name)
);
CREATE TABLE artifacts (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    collection_id INTEGER NOT NULL, -- the one it was logged into
    project_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    version INTEGER, -- NULL: not committed
    digest TEXT NOT NULL,
    client_id TEXT, -- how the client calls it before it knows the uid
    description TEXT,
    metadata TEXT,
    tags TEXT,           -- JSON list
    wanted_aliases TEXT, -- JSON list: set when it is committed
    ttl_s INTEGER,       -- NULL: none of its own
    history_step INTEGER,
    run_id INTEGER, -- that logged it
    user_id INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    file_count INTEGER NOT NULL DEFAULT 0,
    manifest_id INTEGER, -- in artifact_files
    created_unix_ms INTEGER NOT NULL,
    updated_unix_ms INTEGER NOT NULL
);
CREATE INDEX artifacts_digest ON artifacts (collection_id, digest);
CREATE INDEX artifacts_client ON artifacts (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX artifacts_run ON artifacts (run_id) WHERE run_id IS NOT NULL;
-- A committed artifact in a collection: its own, and the portfolios it is linked into.
CREATE TABLE collection_members (
    id INTEGER PRIMARY KEY,
    collection_id INTEGER NOT NULL,
    artifact_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    UNIQUE (collection_id, version),
    UNIQUE (collection_id, artifact_id)
);
CREATE INDEX collection_members_artifact ON collection_members (artifact_id);
CREATE TABLE artifact_aliases (
    id INTEGER PRIMARY KEY,
    collection_id INTEGER NOT NULL,
    alias TEXT NOT NULL,
    artifact_id INTEGER NOT NULL,
    UNIQUE (collection_id, alias)
);
CREATE INDEX artifact_aliases_artifact ON artifact_aliases (artifact_id);
-- What the client uploads for an artifact. The manifest is one of them.
CREATE TABLE artifact_files (
    id INTEGER PRIMARY KEY,
    artifact_id INTEGER NOT NULL,
    is_manifest INTEGER NOT NULL,
    name TEXT NOT NULL,
    md5 TEXT NOT NULL, -- as promised, hex; "" for a manifest whose content is not known yet
    sha256 TEXT,       -- NULL: not here yet
    size_bytes INTEGER NOT NULL DEFAULT 0,
    created_unix_ms INTEGER NOT NULL,
    UNIQUE (artifact_id, is_manifest, name)
);
CREATE INDEX artifact_files_md5 ON artifact_files (md5) WHERE sha256 IS NOT NULL;
-- What a committed manifest says, entry by entry.
CREATE TABLE artifact_entries (
    id INTEGER PRIMARY KEY,
    artifact_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    digest TEXT NOT NULL, -- as the manifest has it
    size_bytes INTEGER NOT NULL,
    sha256 TEXT, -- NULL: a reference to elsewhere
    birth_uid TEXT,
    UNIQUE (artifact_id, path)
);
CREATE TABLE run_artifacts ( -- used by runs
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL,
    artifact_id INTEGER NOT NULL,
    used_as TEXT,
    at_unix_ms INTEGER NOT NULL,
    UNIQUE (run_id, artifact_id)
);
CREATE INDEX run_artifacts_artifact ON run_artifacts (artifact_id);
