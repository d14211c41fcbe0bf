-- Retention: what has gone from ended runs, and bytes that nothing names any more.
ALTER TABLE runs ADD COLUMN history_gone_unix_ms INTEGER NOT NULL DEFAULT 0; -- lines from before then are not there
CREATE INDEX runs_ended ON runs (heartbeat_unix_ms) WHERE state NOT IN ('pending', 'running', 'preempting');
ALTER TABLE artifacts ADD COLUMN emptied INTEGER NOT NULL DEFAULT 0; -- deleted, and its files and entries have gone
CREATE INDEX artifacts_to_empty ON artifacts (updated_unix_ms) WHERE state = 'DELETED' AND emptied = 0;
CREATE INDEX artifact_files_sha256 ON artifact_files (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX artifact_entries_sha256 ON artifact_entries (sha256) WHERE sha256 IS NOT NULL;
CREATE TABLE dropped_blobs (
    sha256 TEXT PRIMARY KEY,
    at_unix_ms INTEGER NOT NULL
) WITHOUT ROWID;
