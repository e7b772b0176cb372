-- Events that were delivered to flows and that no run has published yet.

-- One row a flow that ever took events: the number of its latest event, what
-- waits, when a run that failed is tried again, and what is to be reported.
CREATE TABLE event_inbox (
    account       TEXT   NOT NULL,
    flow          TEXT   NOT NULL,
    last_seq      BIGINT NOT NULL,
    waiting       BIGINT NOT NULL,
    waiting_bytes BIGINT NOT NULL,
    retry_at_ms   BIGINT,
    report        TEXT,
    report_at_ms  BIGINT,
    PRIMARY KEY (account, flow),
    FOREIGN KEY (account, flow) REFERENCES flow (account, name) ON DELETE CASCADE
);
CREATE INDEX event_inbox_retry ON event_inbox (retry_at_ms) WHERE retry_at_ms IS NOT NULL;
CREATE INDEX event_inbox_report ON event_inbox (report_at_ms) WHERE report_at_ms IS NOT NULL;

-- The events of one delivery, JSON Lines, sealed: they hold customers' data.
-- `bytes` is their length in clear.
CREATE TABLE event_batch (
    account        TEXT   NOT NULL,
    flow           TEXT   NOT NULL,
    last_seq       BIGINT NOT NULL,
    first_seq      BIGINT NOT NULL,
    bytes          BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    body           BYTEA  NOT NULL,
    PRIMARY KEY (account, flow, last_seq),
    FOREIGN KEY (account, flow) REFERENCES flow (account, name) ON DELETE CASCADE
);

-- By which an event is recognised that is delivered again: a keyed digest of
-- the identifier that its source gave it.
CREATE TABLE event_id (
    account TEXT   NOT NULL,
    flow    TEXT   NOT NULL,
    id      BYTEA  NOT NULL,
    seq     BIGINT NOT NULL,
    PRIMARY KEY (account, flow, id),
    FOREIGN KEY (account, flow) REFERENCES flow (account, name) ON DELETE CASCADE
);
CREATE INDEX event_id_seq ON event_id (account, flow, seq);

-- The number of the last event that the run takes: fixed when it is claimed for
-- the first time, so that each attempt at it reads the same.
ALTER TABLE run ADD COLUMN event_mark BIGINT;
