-- Keys: many for a user, each with an end; how each is kept. Service accounts: users that belong to a team.
ALTER TABLE users ADD COLUMN team_id INTEGER; -- of a service account
-- sha256: as all were; they are made hmac when the store is opened next.
-- hmac: HMAC over the SHA-256, hex, found by its first 8 digits; for keys that we drew.
-- argon2id: as the argon2 library writes it, found by the first characters of the key; for keys that were chosen.
ALTER TABLE api_keys ADD COLUMN scheme TEXT NOT NULL DEFAULT 'sha256';
ALTER TABLE api_keys ADD COLUMN expires_unix_ms INTEGER NOT NULL DEFAULT 0; -- 0: never
ALTER TABLE api_keys ADD COLUMN revoked_unix_ms INTEGER NOT NULL DEFAULT 0; -- 0: no
