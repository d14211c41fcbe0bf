-- Sweeps: a search over parameters, whose runs are handed out to agents one position after the other.
CREATE TABLE sweeps (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL,
    name TEXT NOT NULL, -- the sweep's id in W&B's words: 8 characters
    state TEXT NOT NULL,
    method TEXT NOT NULL,
    display_name TEXT,
    description TEXT,
    config TEXT NOT NULL, -- JSON or YAML, as it came
    controller TEXT,
    scheduler TEXT, -- JSON: what its scheduler's queue item was made of
    is_launched INTEGER NOT NULL DEFAULT 0, -- a scheduler asks for its runs and puts them into a queue
    seed INTEGER NOT NULL,
    expected INTEGER NOT NULL,             -- how many runs it will have; 0: no end
    handed_out INTEGER NOT NULL DEFAULT 0, -- the search's position
    user_id INTEGER NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    updated_unix_ms INTEGER NOT NULL,
    heartbeat_unix_ms INTEGER NOT NULL DEFAULT 0, -- of its last agent
    UNIQUE (project_id, name)
);
CREATE TABLE sweep_agents (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    sweep_id INTEGER NOT NULL,
    host TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    heartbeat_unix_ms INTEGER NOT NULL
);
CREATE INDEX sweep_agents_sweep ON sweep_agents (sweep_id);
-- The runs that were handed out. Who was given one by hand (prior runs) is in runs alone.
CREATE TABLE sweep_runs (
    id INTEGER PRIMARY KEY,
    sweep_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    run_name TEXT NOT NULL,
    agent_id INTEGER NOT NULL,
    lines_read INTEGER NOT NULL DEFAULT 0, -- of its history, for hyperband
    logged INTEGER NOT NULL DEFAULT 0,     -- how often the metric was in them
    best REAL,
    bands_seen INTEGER NOT NULL DEFAULT 0, -- how many it has passed
    is_stopped INTEGER NOT NULL DEFAULT 0, -- it was not among the best at one
    UNIQUE (sweep_id, position)
);
CREATE INDEX sweep_runs_agent ON sweep_runs (agent_id);
-- What each run had at each band of hyperband.
CREATE TABLE sweep_bands (
    sweep_id INTEGER NOT NULL,
    band INTEGER NOT NULL,
    run_name TEXT NOT NULL,
    metric REAL NOT NULL,
    PRIMARY KEY (sweep_id, band, run_name)
) WITHOUT ROWID;
CREATE INDEX runs_sweep ON runs (project_id, sweep) WHERE sweep IS NOT NULL;
