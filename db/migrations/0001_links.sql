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
