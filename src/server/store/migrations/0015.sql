-- Runs that begin where another was at a step, and runs that were taken back to a step.
ALTER TABLE runs ADD COLUMN fork_of INTEGER; -- id of the run that its first lines are a copy of
ALTER TABLE runs ADD COLUMN fork_lines INTEGER NOT NULL DEFAULT 0; -- how many; more than history_lines: not all are there yet
ALTER TABLE runs ADD COLUMN rewinds INTEGER NOT NULL DEFAULT 0; -- how often it was taken back
ALTER TABLE runs ADD COLUMN rewound_step REAL; -- where to, the last time
ALTER TABLE runs ADD COLUMN branch_summary TEXT; -- JSON: its summary as of that step; what is posted goes over it
