"""A code that is claimed from a pool of codes drawn beforehand."""

from typing import Final

from lab.races.race import Client, Race

# More rows than 16 clients in 200 rounds use, the most that the command line allows.
_SCHEMA: Final = """
CREATE TABLE pool (code text PRIMARY KEY, claimed boolean NOT NULL DEFAULT false);
INSERT INTO pool SELECT 'code-' || number FROM generate_series(1, 5000) AS number;
"""
_FIND: Final = "SELECT code FROM pool WHERE NOT claimed ORDER BY code LIMIT 1"
_CLAIM: Final = "UPDATE pool SET claimed = true WHERE code = %(code)s"
_CLAIM_UNLOCKED: Final = """
UPDATE pool SET claimed = true WHERE code = (
    SELECT code FROM pool WHERE NOT claimed ORDER BY code LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING code
"""


def faulty(client: Client) -> list[str]:
    """Clients that find the same free row all claim it; only the first UPDATE changes it."""
    (code,) = client.connection.execute(_FIND).fetchone() or ("",)
    client.wait_for_others()
    client.connection.execute(_CLAIM, {"code": code})
    return [code]


def fixed(client: Client) -> list[str]:
    """Rows that another client is claiming are skipped without waiting."""
    (code,) = client.connection.execute(_CLAIM_UNLOCKED).fetchone() or ("",)
    return [code]


RACE: Final = Race(
    name="pool-claim",
    goes_wrong="Two requests take the same code from the pool, and one link is overwritten.",
    remedy="FOR UPDATE SKIP LOCKED",
    seen_in="lstu",
    schema=_SCHEMA,
    faulty=faulty,
    fixed=fixed,
)
