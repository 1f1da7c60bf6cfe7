-- 150,000 entries of the years before, and the rates that prices are made of.
INSERT INTO rates VALUES ('tax', 190), ('handling', 15), ('season', -20);
INSERT INTO entries (reference, cents, booked)
SELECT 'old-' || n, 500 + (n * 37) % 9000, timestamptz '2024-01-01' + n * interval '5 minutes'
FROM generate_series(1, 150000) AS n;
