-- Strategy `counter`: one sequence for everybody. A sequence is never rolled back and nobody waits
-- for its lock, so it is the cheapest counter that Postgres has.
CREATE SEQUENCE key_counter MINVALUE 0 START 0;

-- Strategy `stride`: counters that know nothing of each other. Their number is part of every id, so
-- it is fixed here; db/codes/counters.py names them.
CREATE SEQUENCE key_stride_0 MINVALUE 0 START 0;
CREATE SEQUENCE key_stride_1 MINVALUE 0 START 0;
CREATE SEQUENCE key_stride_2 MINVALUE 0 START 0;
CREATE SEQUENCE key_stride_3 MINVALUE 0 START 0;
CREATE SEQUENCE key_stride_4 MINVALUE 0 START 0;
CREATE SEQUENCE key_stride_5 MINVALUE 0 START 0;
CREATE SEQUENCE key_stride_6 MINVALUE 0 START 0;
CREATE SEQUENCE key_stride_7 MINVALUE 0 START 0;

-- Strategy `pool`: codes that wait to be claimed. A claim deletes the row.
CREATE TABLE key_pool (code text COLLATE "C" PRIMARY KEY);

-- Strategy `snowflake`: who may use which worker id, up to which moment of the holder's own clock
-- (Unix time in milliseconds). Nobody else gets the worker id for a time before that.
CREATE TABLE key_workers (
    worker_id       smallint PRIMARY KEY CHECK (worker_id BETWEEN 0 AND 1023),
    leased_until_ms bigint NOT NULL DEFAULT 0,
    holder          text,
    leased_at       timestamptz
);
INSERT INTO key_workers (worker_id) SELECT generate_series(0, 1023);

-- Which strategy made codes from when on: a row for each change. The fingerprint tells whether the
-- permutation key is still the same, where the strategy uses it, and does not reveal the key.
CREATE TABLE key_strategies (
    number          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    strategy        text NOT NULL,
    key_fingerprint text,
    since           timestamptz NOT NULL DEFAULT now()
);
