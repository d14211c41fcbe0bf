-- Who somebody is at an OpenID provider, and what browsers were signed in.
CREATE TABLE identities (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL, -- the provider's own name for the person, which it never gives to another
    created_unix_ms INTEGER NOT NULL,
    UNIQUE (issuer, subject)
);
CREATE INDEX identities_user ON identities (user_id);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,    -- keyed digest of what the cookie has
    sign_in TEXT NOT NULL UNIQUE, -- of the sign-in that made it: one makes one session
    user_id INTEGER NOT NULL,
    address TEXT NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    last_used_unix_ms INTEGER NOT NULL,
    expires_unix_ms INTEGER NOT NULL,
    ended_unix_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires_unix_ms);
