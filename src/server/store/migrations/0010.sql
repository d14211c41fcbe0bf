-- Charts: what run_lines say, by key, in stretches of up to 1024 lines. Lines from runs.history_packed (of events:
-- events_packed) on are not in there yet. A stretch begins and ends at the same lines for every key.
ALTER TABLE runs ADD COLUMN history_packed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN events_packed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN line_rewrites INTEGER NOT NULL DEFAULT 0; -- how often lines that were there came again
CREATE INDEX runs_unpacked ON runs (id) WHERE history_lines - history_packed >= 1024;
CREATE TABLE history_keys (
    run_id INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    name TEXT NOT NULL,
    key_id INTEGER NOT NULL, -- 1, 2, 3 ... in a run's stream
    numbers INTEGER NOT NULL, -- how many there are in history_columns
    others INTEGER NOT NULL,
    lo REAL NOT NULL, -- of the finite numbers
    hi REAL NOT NULL,
    PRIMARY KEY (run_id, stream, name)
) WITHOUT ROWID;
CREATE TABLE history_columns (
    run_id INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    line INTEGER NOT NULL, -- the first
    line_count INTEGER NOT NULL,
    numbers INTEGER NOT NULL,
    others INTEGER NOT NULL,
    lo REAL NOT NULL,
    hi REAL NOT NULL,
    blocks TEXT NOT NULL, -- column_blocks_text()
    cells TEXT NOT NULL,  -- column_cells_text()
    PRIMARY KEY (run_id, stream, key_id, line)
) WITHOUT ROWID;
