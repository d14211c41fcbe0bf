-- How long is kept what a project has. The row with project_id 0 is for those projects of the entity that say nothing.
CREATE TABLE retention (
    id INTEGER PRIMARY KEY,
    entity_id INTEGER NOT NULL,
    project_id INTEGER NOT NULL,
    history_ms INTEGER, -- NULL: not said here; 0: for ever
    files_ms INTEGER,
    artifacts_ms INTEGER,
    UNIQUE (project_id, entity_id)
);
-- What is too old is found project by project.
DROP INDEX runs_ended;
CREATE INDEX runs_ended ON runs (project_id, heartbeat_unix_ms) WHERE state NOT IN ('pending', 'running', 'preempting');
CREATE INDEX runs_with_history ON runs (project_id, heartbeat_unix_ms)
    WHERE state NOT IN ('pending', 'running', 'preempting') AND history_gone_unix_ms <= heartbeat_unix_ms;
CREATE INDEX artifacts_committed ON artifacts (project_id, created_unix_ms) WHERE state = 'COMMITTED';
