-- Artifacts that were begun and never committed are found by their age.
CREATE INDEX artifacts_pending ON artifacts (updated_unix_ms) WHERE state = 'PENDING';
