-- The first schema. Every row that belongs to somebody carries the account.
-- Only types and clauses that SQLite and PostgreSQL both know are used; times
-- are epoch milliseconds, documents are JSON as text.

-- What is true of the whole installation, such as the time of its first start.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- The keys that sealed rows may name. A key is dropped from the keyring only
-- after its row here is gone, and the foreign key of `sealed_secret` lets it go
-- only when no sealed row names it any more.
CREATE TABLE vault_key (
    id            TEXT   NOT NULL PRIMARY KEY,
    created_at_ms BIGINT NOT NULL
);

-- The progress of the latest rotation of the vault's key; at most one row.
CREATE TABLE rotation (
    id             BIGINT NOT NULL PRIMARY KEY,
    key_id         TEXT   NOT NULL,
    total          BIGINT NOT NULL,
    done           BIGINT NOT NULL,
    refused        BIGINT NOT NULL,
    started_at_ms  BIGINT NOT NULL,
    finished_at_ms BIGINT
);

-- One sealed version of one secret. `owner_id` is the identifier of the very
-- row that the secret belongs to, so that a secret of a deleted connection
-- does not open in a later one of the same name.
CREATE TABLE sealed_secret (
    account       TEXT   NOT NULL,
    purpose       TEXT   NOT NULL,
    owner         TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    owner_id      TEXT   NOT NULL,
    destination   BYTEA  NOT NULL,
    key_id        TEXT   NOT NULL REFERENCES vault_key (id),
    wrapped_key   BYTEA  NOT NULL,
    body          BYTEA  NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (account, purpose, owner, version)
);
CREATE INDEX sealed_secret_key ON sealed_secret (key_id, account, purpose, owner, version);

CREATE TABLE connection (
    account             TEXT   NOT NULL,
    name                TEXT   NOT NULL,
    id                  TEXT   NOT NULL,
    connector_type      TEXT   NOT NULL,
    connector_label     TEXT,
    mode                TEXT   NOT NULL,
    properties          TEXT   NOT NULL,
    kms_arn             TEXT,
    credentials_arn     TEXT,
    credentials_version BIGINT NOT NULL,
    created_at_ms       BIGINT NOT NULL,
    updated_at_ms       BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);
CREATE INDEX connection_type ON connection (account, connector_type, name);
CREATE INDEX connection_label ON connection (account, connector_label, name);

CREATE TABLE flow (
    account         TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    definition      TEXT   NOT NULL,
    status          TEXT   NOT NULL,
    status_message  TEXT,
    schema_version  BIGINT NOT NULL,
    tags            TEXT   NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    updated_at_ms   BIGINT NOT NULL,
    created_by      TEXT   NOT NULL,
    updated_by      TEXT   NOT NULL,
    last_claimed_ms BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);

-- Which connections a flow uses. There is no foreign key to the connection: a
-- forced deletion leaves the flow, which then fails with a clear error.
CREATE TABLE flow_connection (
    account    TEXT NOT NULL,
    flow       TEXT NOT NULL,
    connection TEXT NOT NULL,
    PRIMARY KEY (account, flow, connection),
    FOREIGN KEY (account, flow) REFERENCES flow (account, name) ON DELETE CASCADE
);
CREATE INDEX flow_connection_use ON flow_connection (account, connection, flow);

-- The runs, and the queue: both are this table. `seq` numbers the runs of a
-- flow; `attempt` is the fencing number of the lease.
CREATE TABLE run (
    account          TEXT    NOT NULL,
    id               TEXT    NOT NULL,
    flow             TEXT    NOT NULL,
    seq              BIGINT  NOT NULL,
    due_at_ms        BIGINT,
    status           TEXT    NOT NULL,
    attempt          BIGINT  NOT NULL,
    worker           TEXT,
    lease_until_ms   BIGINT,
    counts           TEXT    NOT NULL,
    error            TEXT,
    commit_list      TEXT,
    started_at_ms    BIGINT  NOT NULL,
    updated_at_ms    BIGINT  NOT NULL,
    PRIMARY KEY (account, id),
    FOREIGN KEY (account, flow) REFERENCES flow (account, name) ON DELETE CASCADE
);
CREATE UNIQUE INDEX run_seq ON run (account, flow, seq);
-- A tick inserts one run, however often it fires; runs started by hand have no due time.
CREATE UNIQUE INDEX run_due ON run (account, flow, due_at_ms);
-- At most one run of a flow is in somebody's hands.
CREATE UNIQUE INDEX run_active ON run (account, flow)
    WHERE status IN ('Running', 'Publishing', 'CancelStarted');
CREATE INDEX run_queued ON run (account, flow, seq) WHERE status = 'Queued';
CREATE INDEX run_lease ON run (lease_until_ms)
    WHERE status IN ('Running', 'Publishing', 'CancelStarted');
CREATE INDEX run_status ON run (status);

CREATE TABLE access_key (
    account        TEXT    NOT NULL,
    id             TEXT    NOT NULL,
    row_id         TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    enabled        BOOLEAN NOT NULL,
    created_at_ms  BIGINT  NOT NULL,
    expires_at_ms  BIGINT,
    PRIMARY KEY (id)
);
CREATE INDEX access_key_account ON access_key (account, id);

-- What a client token stands for: a keyed fingerprint of the input, never the
-- input or a bare hash of it, and the answer that was given.
CREATE TABLE idempotency (
    account       TEXT   NOT NULL,
    operation     TEXT   NOT NULL,
    token         BYTEA  NOT NULL,
    fingerprint   BYTEA  NOT NULL,
    result        TEXT   NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    PRIMARY KEY (account, operation, token)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at_ms);
