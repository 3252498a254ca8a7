-- The receipt: every byte of `producer`'s journal before applied_bytes has been counted, and no
-- byte after it. Advanced in the transaction that adds the counts.
CREATE TABLE click_producers (
    producer      text COLLATE "C" PRIMARY KEY,
    applied_bytes bigint NOT NULL DEFAULT 0 CHECK (applied_bytes >= 0),
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    -- Set once the journal's file is gone for good. Until then the receipt must stay, whatever its
    -- age: a host may have been switched off with the file on its disk.
    removed_at    timestamptz
);
CREATE INDEX click_producers_removed_at ON click_producers (removed_at)
    WHERE removed_at IS NOT NULL;

-- Roll-ups. `clicks` counts every answered redirect; `bots` is the part of it that bots made.
-- No foreign key to links: a count may arrive after its link was deleted.
--
-- Counts are updated again and again. With room for the next version of a row on its own page
-- (fillfactor), no index has to be told where it went. It costs disk for rows that no longer
-- change: little for hours and days, which are most of them.
CREATE TABLE click_totals (
    code          text COLLATE "C" PRIMARY KEY,
    clicks        bigint NOT NULL,
    bots          bigint NOT NULL,
    last_click_at timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE click_hours (
    code   text COLLATE "C" NOT NULL,
    hour   timestamptz NOT NULL,
    clicks bigint NOT NULL,
    bots   bigint NOT NULL,
    PRIMARY KEY (code, hour)
) WITH (fillfactor = 80);

-- One row per code and day, not one per value of each dimension: a click of a quiet link writes
-- three rows, not nine. It is always read and written as a whole, so it is json, not jsonb.
CREATE TABLE click_days (
    code       text COLLATE "C" NOT NULL,
    day        date NOT NULL,
    clicks     bigint NOT NULL,
    bots       bigint NOT NULL,
    -- {"browser": {"Firefox": [clicks, bots], ...}, ...} for referrer, country, browser, os, device
    -- and language. Each click has exactly one value in each, so the values of a dimension add up
    -- to the day's clicks; those beyond a bound in number count as "other".
    dimensions json NOT NULL,
    -- A HyperLogLog sketch of the people (not bots), or empty; sketches of any span can be merged.
    visitors   bytea NOT NULL,
    PRIMARY KEY (code, day)
) WITH (fillfactor = 80);
-- A sketch does not compress.
ALTER TABLE click_days ALTER COLUMN visitors SET STORAGE EXTERNAL;

-- What could never be counted, and why: lines of journals (producer and offset are known), and
-- damaged entries of the stream, which their senders send again (they may be unknown).
CREATE TABLE click_dead_letters (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest       bytea NOT NULL UNIQUE,  -- of kind, place and content: it is kept once
    reason       text NOT NULL,
    producer     text COLLATE "C",
    start_offset bigint,
    content      bytea NOT NULL,  -- its beginning
    seen_at      timestamptz NOT NULL DEFAULT now()
);

-- How many there were; the table above keeps the newest.
CREATE TABLE click_dead_letter_counts (
    kind text PRIMARY KEY CHECK (kind IN ('line', 'chunk')),
    seen bigint NOT NULL
);
INSERT INTO click_dead_letter_counts (kind, seen) VALUES ('line', 0), ('chunk', 0);

-- Clicks for which a web process had room neither on its disk nor in memory.
CREATE TABLE click_drops (
    process    text COLLATE "C" PRIMARY KEY,  -- the name of its first journal
    dropped    bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- The day's secret, with which addresses are hashed before they are written anywhere. Rows of past
-- days are deleted: after that nobody can tell which address a hash came from.
CREATE TABLE visitor_keys (
    day date PRIMARY KEY,
    key bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
);
