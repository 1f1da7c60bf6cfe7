CREATE TABLE products (
    id text PRIMARY KEY,
    name text NOT NULL,
    cents integer NOT NULL,
    rank integer NOT NULL
);
CREATE INDEX products_rank ON products (rank);
CREATE TABLE reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product text NOT NULL,
    stars smallint NOT NULL,
    body text NOT NULL
);
