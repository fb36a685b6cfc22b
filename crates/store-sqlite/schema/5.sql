-- Schema 5, the first that is released; files of 1 to 4 were never in anybody's hands.
-- Rows: a table per record kind, named by tenant and name; ids are time-ordered, so new rows stand together.
-- A name begins with a byte that says what it is: 0 for an id of 16 bytes, 1 for a text.
CREATE TABLE row_tenant (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_app (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_agent (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_credential (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_subscription (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_cursor (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_contact (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_conversation (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_message (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_content (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_file (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_consent (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_pointer (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_counter (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_early_receipts (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_recipient_memory (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_once (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_parked (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_callback (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_callback_page (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;

CREATE TABLE listing (tenant BLOB NOT NULL, list INTEGER NOT NULL, owner BLOB NOT NULL, position INTEGER NOT NULL,
    target BLOB NOT NULL, PRIMARY KEY (tenant, list, owner, position)) WITHOUT ROWID;

CREATE TABLE event (position INTEGER PRIMARY KEY, tenant BLOB NOT NULL, message BLOB, at INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE INDEX event_by_message ON event (tenant, message, position) WHERE message IS NOT NULL;
-- Which pages of the log, of so many positions each, have events of a tenant.
CREATE TABLE event_page (tenant BLOB NOT NULL, page INTEGER NOT NULL, PRIMARY KEY (tenant, page)) WITHOUT ROWID;
CREATE INDEX event_page_by_page ON event_page (page);

CREATE TABLE job (id BLOB PRIMARY KEY, due_at INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX job_by_due ON job (due_at, id);

-- The newest batches by id, to be looked up after a lost answer, with their numbers in the journal.
CREATE TABLE batch (number INTEGER PRIMARY KEY, id BLOB NOT NULL);

-- One row: the position of the newest event, which stays when old events are cut, and the newest position that is cut;
-- the highest commit time; the journal that belongs to this file, and up to where it is applied.
CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL, cut INTEGER NOT NULL,
    at INTEGER NOT NULL, journal BLOB NOT NULL, number INTEGER NOT NULL);
INSERT INTO head VALUES (1, 0, 0, 0, randomblob(16), 0);
