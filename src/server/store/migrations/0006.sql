-- What people changed, in a chain: each row's hash covers the one before. The newest row is named in meta too
-- (audit_head), so that rows which are gone from the end are missed.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, -- 1, 2, 3 ... without a gap
    at_unix_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT,
    before TEXT, -- SHA-256 of what it was and what it became, hex
    after TEXT,
    hash TEXT NOT NULL
);
--sqlite
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
--end
--pg CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
--pg 'BEGIN RAISE EXCEPTION ''the audit log is append-only''; END';
--pg CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION audit_refuse();
