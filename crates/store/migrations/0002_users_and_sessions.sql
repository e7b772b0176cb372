-- The people who sign in to the console, their sessions, and the access keys
-- that a session is given.

-- A user of the console. The hash of the password is sealed in the vault under
-- the row's `id`; `password_version` says which version of it holds.
CREATE TABLE console_user (
    account           TEXT    NOT NULL,
    name              TEXT    NOT NULL,
    id                TEXT    NOT NULL,
    enabled           BOOLEAN NOT NULL,
    password_version  BIGINT  NOT NULL,
    created_at_ms     BIGINT  NOT NULL,
    last_signed_in_ms BIGINT,
    PRIMARY KEY (account, name)
);

-- A session: the cookie's token is kept as a hash only. `user_id` is the row of
-- the user who gave a password; `subject` names whom an identity provider
-- vouched for. One of them is there.
CREATE TABLE console_session (
    account         TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    token_hash      BYTEA  NOT NULL,
    user_name       TEXT   NOT NULL,
    user_id         TEXT,
    subject         TEXT,
    created_at_ms   BIGINT NOT NULL,
    last_used_at_ms BIGINT NOT NULL,
    idle_ends_at_ms BIGINT NOT NULL,
    ends_at_ms      BIGINT NOT NULL,
    revoked_at_ms   BIGINT,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX console_session_token ON console_session (token_hash);
CREATE INDEX console_session_user ON console_session (account, user_id);
CREATE INDEX console_session_idle ON console_session (idle_ends_at_ms);

-- The session that a key of the kind 'session' belongs to.
ALTER TABLE access_key ADD COLUMN session_id TEXT REFERENCES console_session (id);
CREATE INDEX access_key_session ON access_key (session_id, created_at_ms);
