-- Ids below next_id are granted to some process. The permutation key scrambles ids into codes: two
-- random UUIDs, 244 random bits from the server's own generator.
CREATE TABLE id_ranges (
    space           text PRIMARY KEY,
    next_id         bigint NOT NULL DEFAULT 0 CHECK (next_id >= 0),
    permutation_key bytea NOT NULL
        DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
);
INSERT INTO id_ranges (space) VALUES ('links');

-- Which process got which range, so that gaps can be accounted for.
CREATE TABLE id_range_grants (
    space      text NOT NULL REFERENCES id_ranges,
    start_id   bigint NOT NULL,
    stop_id    bigint NOT NULL CHECK (stop_id > start_id),
    holder     text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space, start_id)
);

-- Strategy `counter`: one sequence for all processes. A sequence is never rolled back and its lock is
-- never waited for, so it is the cheapest counter in Postgres.
CREATE SEQUENCE code_counter MINVALUE 0 START 0;

-- Strategy `stride`: independent counters. Their number is part of every id, so it is fixed here;
-- db/codes/counters.py names them.
CREATE SEQUENCE code_stride_0 MINVALUE 0 START 0;
CREATE SEQUENCE code_stride_1 MINVALUE 0 START 0;
CREATE SEQUENCE code_stride_2 MINVALUE 0 START 0;
CREATE SEQUENCE code_stride_3 MINVALUE 0 START 0;
CREATE SEQUENCE code_stride_4 MINVALUE 0 START 0;
CREATE SEQUENCE code_stride_5 MINVALUE 0 START 0;
CREATE SEQUENCE code_stride_6 MINVALUE 0 START 0;
CREATE SEQUENCE code_stride_7 MINVALUE 0 START 0;

-- Strategy `pool`: prepared codes. A claim deletes the row.
CREATE TABLE code_pool (code text COLLATE "C" PRIMARY KEY);

-- Strategy `snowflake`: leases of worker ids, up to a moment of the holder's own clock (Unix time in
-- milliseconds). No other process gets the worker id for a time before that.
CREATE TABLE snowflake_workers (
    worker_id       smallint PRIMARY KEY CHECK (worker_id BETWEEN 0 AND 1023),
    leased_until_ms bigint NOT NULL DEFAULT 0,
    holder          text,
    leased_at       timestamptz
);
INSERT INTO snowflake_workers (worker_id) SELECT generate_series(0, 1023);

-- Which strategy makes codes since when: a row per change. The fingerprint shows whether the
-- permutation key is still the same, where the strategy uses it, without revealing the key.
CREATE TABLE code_strategies (
    number          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    strategy        text NOT NULL,
    key_fingerprint text,
    since           timestamptz NOT NULL DEFAULT now()
);
