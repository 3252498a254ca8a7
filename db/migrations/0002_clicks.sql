-- The receipt: every byte of `producer`'s journal before applied_bytes has been counted, and no
-- byte after it. Advanced in the transaction that adds the counts.
CREATE TABLE click_producers (
    producer      text COLLATE "C" PRIMARY KEY,
    applied_bytes bigint NOT NULL DEFAULT 0 CHECK (applied_bytes >= 0),
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

-- Roll-ups. `clicks` counts every answered redirect; `bots` is the part of it that bots made.
-- No foreign key to links: a count may arrive after its link was deleted.
CREATE TABLE click_totals (
    code          text COLLATE "C" PRIMARY KEY,
    clicks        bigint NOT NULL,
    bots          bigint NOT NULL,
    last_click_at timestamptz NOT NULL
);

CREATE TABLE click_hours (
    code   text COLLATE "C" NOT NULL,
    hour   timestamptz NOT NULL,
    clicks bigint NOT NULL,
    bots   bigint NOT NULL,
    PRIMARY KEY (code, hour)
);

-- dimension: referrer, country, browser, os, device, language. Each click has exactly one value
-- in each, so the values of a dimension add up to the day's clicks.
CREATE TABLE click_dimensions (
    code      text COLLATE "C" NOT NULL,
    day       date NOT NULL,
    dimension text COLLATE "C" NOT NULL,
    value     text NOT NULL,
    clicks    bigint NOT NULL,
    bots      bigint NOT NULL,
    PRIMARY KEY (code, day, dimension, value)
);

-- A HyperLogLog sketch of the people (not bots) of one day; sketches of any span can be merged.
CREATE TABLE click_visitors (
    code   text COLLATE "C" NOT NULL,
    day    date NOT NULL,
    sketch bytea NOT NULL,
    PRIMARY KEY (code, day)
);

-- The day's secret, with which addresses are hashed before they are written anywhere. Rows of past
-- days are deleted: after that nobody can tell which address a hash came from.
CREATE TABLE visitor_keys (
    day date PRIMARY KEY,
    key bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
);
