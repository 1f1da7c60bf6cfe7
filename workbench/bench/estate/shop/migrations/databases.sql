CREATE ROLE catalog LOGIN PASSWORD 'example-only';
CREATE DATABASE catalog OWNER catalog;
CREATE ROLE ledger LOGIN PASSWORD 'example-only';
CREATE DATABASE ledger OWNER ledger;
