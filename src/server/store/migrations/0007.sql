-- Who has left: none of its keys opens anything, and what it made stays its.
ALTER TABLE users ADD COLUMN disabled_unix_ms INTEGER NOT NULL DEFAULT 0; -- 0: no
