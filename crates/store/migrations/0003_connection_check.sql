-- How the last login over a connection went: at most one row a connection. It
-- is gone with the connection, and a change of the connection takes it away.
-- `message` holds no secret: it was scrubbed before it got here.
CREATE TABLE connection_check (
    account       TEXT   NOT NULL,
    connection    TEXT   NOT NULL,
    result        TEXT   NOT NULL,
    message       TEXT   NOT NULL,
    checked_at_ms BIGINT NOT NULL,
    PRIMARY KEY (account, connection),
    FOREIGN KEY (account, connection) REFERENCES connection (account, name) ON DELETE CASCADE
);
-- The list sorts and filters by these without reading the rows' documents.
CREATE INDEX connection_check_result ON connection_check (account, result, connection);
CREATE INDEX connection_kind ON connection (account, connector_type, connector_label, name);
CREATE INDEX connection_updated ON connection (account, updated_at_ms, name);
CREATE INDEX connection_mode ON connection (account, mode, name);
