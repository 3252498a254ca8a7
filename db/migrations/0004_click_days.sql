-- One row per code and day instead of one per value of each dimension: a click of a quiet link
-- writes three rows, not nine. It is always read and written as a whole, so it is json, not jsonb.
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
);

INSERT INTO click_days (code, day, clicks, bots, dimensions, visitors)
SELECT code, day, max(clicks), max(bots), json_object_agg(dimension, tallies),
    coalesce((SELECT sketch FROM click_visitors AS v WHERE v.code = d.code AND v.day = d.day), '')
FROM (
    SELECT code, day, dimension, sum(clicks)::bigint AS clicks, sum(bots)::bigint AS bots,
        json_object_agg(value, json_build_array(clicks, bots)) AS tallies
    FROM click_dimensions GROUP BY code, day, dimension
) AS d
GROUP BY code, day;

DROP TABLE click_dimensions, click_visitors;

-- Set once the journal's file is gone for good. Until then the receipt must stay, whatever its age:
-- a host may have been switched off with the file on its disk.
ALTER TABLE click_producers ADD COLUMN removed_at timestamptz;
CREATE INDEX click_producers_removed_at ON click_producers (removed_at)
    WHERE removed_at IS NOT NULL;

-- What could never be counted, and why: lines of journals (producer and offset are known), and
-- damaged entries of the stream, which their senders send again (they may be unknown).
CREATE TABLE click_dead_letters (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest       bytea NOT NULL UNIQUE,  -- of all that follows but seen_at: it is kept once
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
