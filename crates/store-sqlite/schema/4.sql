-- Schema 4. Callbacks: lanes that wait, callbacks that were not taken at once, and pages of those that were.
CREATE TABLE row_parked (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_callback (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
CREATE TABLE row_callback_page (tenant BLOB NOT NULL, name BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, name)) WITHOUT ROWID;
