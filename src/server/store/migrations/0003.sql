-- Roles. Who was in a team could do everything there, and still can.
ALTER TABLE members ADD COLUMN role TEXT NOT NULL DEFAULT 'admin'; -- viewer, member or admin
-- A role on one queue, in place of the one in its team: for members of the team. 'none' hides the queue.
CREATE TABLE queue_roles (
    queue_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (queue_id, user_id)
) WITHOUT ROWID;
