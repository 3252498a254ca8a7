-- SHA-256 of API keys, which have at least 128 random bits: neither salt nor stretching is needed.
CREATE TABLE api_keys (
    name       text PRIMARY KEY,
    key_hash   bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
