-- Schema 3. The log can be cut: `cut` is the newest position that is forgotten. A cut has a number in the journal but
-- is no batch, so up to where the journal is applied stands in `head` now.
ALTER TABLE head ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE head ADD COLUMN cut INTEGER NOT NULL DEFAULT 0;
UPDATE head SET number = coalesce((SELECT max(number) FROM batch), 0);
