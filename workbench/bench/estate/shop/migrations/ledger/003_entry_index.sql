CREATE INDEX entries_reference ON entries (reference);
ANALYZE entries;
