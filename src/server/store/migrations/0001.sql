-- The first shape of the store. Times are Unix milliseconds; uid is the id that clients see; ended migrations
-- are never edited: a change of shape is a new file.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE entities (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_team INTEGER NOT NULL,
    created_unix_ms INTEGER NOT NULL
);
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    entity_id INTEGER NOT NULL UNIQUE,
    username TEXT NOT NULL UNIQUE,
    email TEXT,
    admin INTEGER NOT NULL,
    created_unix_ms INTEGER NOT NULL
);
-- Who may see an entity: a user its own, and the teams it is in.
CREATE TABLE members (
    user_id INTEGER NOT NULL,
    entity_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, entity_id)
) WITHOUT ROWID;
CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL,
    lookup TEXT NOT NULL, -- the first 8 hex digits of hash: narrows the search, the whole is compared in C
    hash TEXT NOT NULL,   -- SHA-256, hex
    prefix TEXT NOT NULL,
    name TEXT,
    created_unix_ms INTEGER NOT NULL,
    last_used_unix_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX api_keys_lookup ON api_keys (lookup);
CREATE INDEX api_keys_user ON api_keys (user_id);

CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    entity_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    UNIQUE (entity_id, name)
);
CREATE TABLE configs (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    entity_id INTEGER NOT NULL,
    resource TEXT NOT NULL,
    config TEXT NOT NULL,
    template_variables TEXT,
    created_unix_ms INTEGER NOT NULL
);
CREATE TABLE queues (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    entity_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    access TEXT NOT NULL,
    has_priorities INTEGER NOT NULL,
    config_uid TEXT,
    external_links TEXT,
    created_by INTEGER NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    deleted_unix_ms INTEGER -- kept for the history of its items
);
CREATE UNIQUE INDEX queues_name ON queues (entity_id, name) WHERE deleted_unix_ms IS NULL;

CREATE TABLE items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    queue_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL,
    spec TEXT NOT NULL,
    pushed_by TEXT NOT NULL,
    target_entity TEXT,
    target_project TEXT,
    run_name TEXT,
    agent_uid TEXT,
    fence INTEGER NOT NULL DEFAULT 0,
    lease_until_unix_ms INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    error_stage TEXT,
    error_files TEXT,
    stop_asked INTEGER NOT NULL DEFAULT 0,
    created_unix_ms INTEGER NOT NULL,
    updated_unix_ms INTEGER NOT NULL
);
CREATE INDEX items_queue ON items (queue_id, seq);
CREATE INDEX items_waiting ON items (queue_id, priority, seq) WHERE state = 'PENDING';
CREATE INDEX items_waiting_fifo ON items (queue_id, seq) WHERE state = 'PENDING';
CREATE INDEX items_stopping ON items (queue_id, seq) WHERE stop_asked = 1;
CREATE INDEX items_leased ON items (lease_until_unix_ms) WHERE state = 'LEASED';
CREATE INDEX items_started ON items (updated_unix_ms) WHERE state IN ('CLAIMED', 'RUNNING');
CREATE TABLE item_lines (
    id INTEGER PRIMARY KEY,
    item_seq INTEGER NOT NULL,
    at_unix_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    who TEXT NOT NULL,
    note TEXT,
    stage TEXT, -- present: a warning
    files TEXT
);
CREATE INDEX item_lines_item ON item_lines (item_seq);

CREATE TABLE agents (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    entity_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    hostname TEXT NOT NULL,
    config TEXT,
    version TEXT,
    queues TEXT NOT NULL,
    status TEXT NOT NULL,
    stop_polling INTEGER NOT NULL DEFAULT 0,
    created_unix_ms INTEGER NOT NULL,
    heartbeat_unix_ms INTEGER NOT NULL
);
CREATE INDEX agents_entity ON agents (entity_id);

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    display_name TEXT,
    description TEXT,
    notes TEXT,
    group_name TEXT,
    job_type TEXT,
    host TEXT,
    program TEXT,
    repo TEXT,
    commit_id TEXT,
    sweep TEXT,
    config TEXT,
    summary TEXT,
    tags TEXT,
    user_id INTEGER NOT NULL,
    item_uid TEXT,
    stop_asked INTEGER NOT NULL DEFAULT 0,
    exit_code INTEGER,
    history_lines INTEGER NOT NULL DEFAULT 0,
    events_lines INTEGER NOT NULL DEFAULT 0,
    log_lines INTEGER NOT NULL DEFAULT 0,
    created_unix_ms INTEGER NOT NULL,
    heartbeat_unix_ms INTEGER NOT NULL,
    UNIQUE (project_id, name)
);
CREATE INDEX runs_item ON runs (item_uid) WHERE item_uid IS NOT NULL;
CREATE INDEX runs_alive ON runs (heartbeat_unix_ms) WHERE state IN ('running', 'preempting');
CREATE TABLE run_lines (
    run_id INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    line INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (run_id, stream, line)
) WITHOUT ROWID;
CREATE TABLE run_files (
    run_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    updated_unix_ms INTEGER NOT NULL,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;
