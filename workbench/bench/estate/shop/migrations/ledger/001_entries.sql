CREATE TABLE entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference text NOT NULL,
    cents integer NOT NULL,
    booked timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE rates (
    name text PRIMARY KEY,
    permille integer NOT NULL
);
