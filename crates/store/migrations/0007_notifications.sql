-- Notifications that wait for their delivery: one row an event and a place that
-- it goes to. A row is written in the transaction that makes the event happen,
-- and is gone once it was delivered, or was given up.
CREATE TABLE notification (
    sink          TEXT   NOT NULL,
    id            TEXT   NOT NULL,
    body          TEXT   NOT NULL,
    attempts      BIGINT NOT NULL,
    next_try_ms   BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (sink, id)
);
CREATE INDEX notification_order ON notification (sink, created_at_ms, id);
