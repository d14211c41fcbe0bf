-- What a queue was, each time that somebody changed it. Configs are never changed: a new one is added.
CREATE TABLE queue_versions (
    queue_id INTEGER NOT NULL,
    version INTEGER NOT NULL, -- 1, 2, 3 ...
    at_unix_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    rolled_back_to INTEGER, -- the version whose contents it has again
    access TEXT NOT NULL,
    has_priorities INTEGER NOT NULL,
    external_links TEXT,
    config_uid TEXT,
    PRIMARY KEY (queue_id, version)
) WITHOUT ROWID;
INSERT INTO queue_versions (queue_id, version, at_unix_ms, who, access, has_priorities, external_links, config_uid)
    SELECT q.id, 1, q.created_unix_ms, coalesce('user ' || u.username, 'server'), q.access, q.has_priorities, q.external_links,
        q.config_uid FROM queues q LEFT JOIN users u ON u.id = q.created_by;
