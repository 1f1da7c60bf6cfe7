-- 240 products, 200,000 reviews: enough that a query without its index is felt.
INSERT INTO products
SELECT 'p' || n, 'product ' || n, 500 + 37 * n, (n * 7919) % 240 FROM generate_series(0, 239) AS n;
INSERT INTO reviews (product, stars, body)
SELECT 'p' || (n % 240), 1 + (n * 31) % 5, 'review ' || n || ': ' || repeat('as good as one would wish ', 1 + n % 4)
FROM generate_series(1, 200000) AS n;
