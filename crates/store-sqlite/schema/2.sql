-- Schema 2. A journal stands before the tables: every batch has a number there, and the newest number in `batch` says
-- up to where the journal is applied. `journal` in `head` names the journal that belongs to this file.
CREATE TABLE batch_numbered (number INTEGER PRIMARY KEY, id BLOB NOT NULL);
INSERT INTO batch_numbered SELECT number, id FROM batch;
DROP TABLE batch;
ALTER TABLE batch_numbered RENAME TO batch;

ALTER TABLE head ADD COLUMN journal BLOB NOT NULL DEFAULT x'';
UPDATE head SET journal = randomblob(16);
