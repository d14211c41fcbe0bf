-- A run that was deleted is in project 0, which is none, until its lines and files have gone as well.
CREATE INDEX runs_deleted ON runs (id) WHERE project_id = 0;
