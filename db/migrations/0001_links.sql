-- The only truth about where a code leads. COLLATE "C" compares codes by their bytes: it is faster
-- than a language's rules, and "a" and "A" always differ.
CREATE TABLE links (
    code       text COLLATE "C" PRIMARY KEY,
    target_url text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    -- A deleted link keeps its row and loses its target: a code is never given out twice.
    deleted_at timestamptz,
    owner_id   bigint,
    -- One more with each change. Of two copies of a link, the higher version is the newer.
    version    bigint NOT NULL DEFAULT 1,
    enabled    boolean NOT NULL DEFAULT true
);

-- Ids up to next_id belong to some process. The key scrambles ids into codes: two random UUIDs,
-- 244 random bits from the server's own generator.
CREATE TABLE key_ranges (
    space           text PRIMARY KEY,
    next_id         bigint NOT NULL DEFAULT 0 CHECK (next_id >= 0),
    permutation_key bytea NOT NULL
        DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
);
INSERT INTO key_ranges (space) VALUES ('links');

-- Who got which range: one row per range, so that gaps can be accounted for.
CREATE TABLE key_range_grants (
    space      text NOT NULL REFERENCES key_ranges,
    start_id   bigint NOT NULL,
    stop_id    bigint NOT NULL CHECK (stop_id > start_id),
    holder     text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space, start_id)
);

-- SHA-256 of keys that have at least 128 random bits, so neither salt nor stretching is needed.
CREATE TABLE api_keys (
    name       text PRIMARY KEY,
    key_hash   bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
