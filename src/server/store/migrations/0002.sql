-- An acknowledged item whose agent went silent is lent again, to an agent that finds a job by its labels.
-- 0: its agent is there; 1: it waits for another; 2: lent again, and not acknowledged yet
ALTER TABLE items ADD COLUMN abandoned INTEGER NOT NULL DEFAULT 0;
CREATE INDEX items_abandoned ON items (queue_id, seq) WHERE abandoned = 1;
CREATE INDEX items_lent_again ON items (lease_until_unix_ms) WHERE abandoned = 2;
