"""Which strategy made the codes of this database, and since when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import class_row

from db.codes.counters import COUNTER, STRIDES
from db.codes.ranges import RESERVE, SPACE
from db.connect.pool import Connection, Pool, connection_to

# The holder of ids that the range strategies must skip.
PASSED_OVER: Final = "another strategy"


@dataclass(frozen=True, slots=True)
class StrategyUse:
    """From `since` on, codes were made by this strategy; `key_fingerprint` if it uses the key."""

    strategy: str
    key_fingerprint: str | None
    since: datetime


_RECORD = """
INSERT INTO code_strategies (strategy, key_fingerprint)
VALUES (%(strategy)s, %(key_fingerprint)s)
"""


def record_strategy(pool: Pool, strategy: str, key_fingerprint: str | None) -> StrategyUse | None:
    """Record which strategy makes codes from now on, if that is a change.

    A change also moves every counter beyond all ids that any strategy has handed out. Otherwise two
    strategies that count in plain base62 would propose the same codes.

    Args:
        pool: the database.
        strategy: its name.
        key_fingerprint: of the permutation key, if the codes depend on it.

    Returns:
        The strategy in use before the change; None if nothing has changed or been recorded.

    Raises:
        DatabaseUnavailableError: Postgres is away.
    """
    with connection_to(pool) as connection, connection.transaction():
        connection.execute("LOCK TABLE code_strategies IN EXCLUSIVE MODE")  # readers pass
        uses = _read_uses(connection)
        if uses and (uses[-1].strategy, uses[-1].key_fingerprint) == (strategy, key_fingerprint):
            return None
        _move_counts(connection)
        connection.execute(_RECORD, {"strategy": strategy, "key_fingerprint": key_fingerprint})
        return uses[-1] if uses else None


def read_strategies(pool: Pool) -> list[StrategyUse]:
    """Every strategy ever in use, the oldest first.

    Raises:
        DatabaseUnavailableError: Postgres is away.
    """
    with connection_to(pool) as connection:
        return _read_uses(connection)


def _read_uses(connection: Connection) -> list[StrategyUse]:
    with connection.cursor(row_factory=class_row(StrategyUse)) as cursor:
        return cursor.execute(
            "SELECT strategy, key_fingerprint, since FROM code_strategies ORDER BY number"
        ).fetchall()


# pg_sequences shows NULL for a sequence that has given out nothing since it was set.
_COUNTS = """
SELECT
    (SELECT next_id FROM id_ranges WHERE space = %(space)s),
    (SELECT coalesce(max(last_value) + 1, 0) FROM pg_sequences
     WHERE schemaname = current_schema() AND sequencename = %(counter)s),
    (SELECT coalesce(max(last_value) + 1, 0) FROM pg_sequences
     WHERE schemaname = current_schema() AND sequencename = ANY(%(strides)s))
"""

_SET_SEQUENCES = """
SELECT setval(sequence, value, false) FROM unnest(%(sequences)s::text[], %(values)s::bigint[])
    AS wanted (sequence, value)
"""


def _move_counts(connection: Connection) -> None:
    """Move ranges, counter and strides beyond the highest id that any of them has handed out."""
    names = {"space": SPACE, "counter": COUNTER, "strides": list(STRIDES)}
    row = connection.execute(_COUNTS, names).fetchone()
    assert row is not None
    next_id, counter, stride = row
    highest = max(next_id, counter, stride * len(STRIDES))
    if highest > next_id:
        passed_over = {"space": SPACE, "size": highest - next_id, "holder": PASSED_OVER}
        connection.execute(RESERVE, passed_over)
    values = [highest, *[-(-highest // len(STRIDES))] * len(STRIDES)]  # rounded up
    sequences = [COUNTER, *STRIDES]
    connection.execute(_SET_SEQUENCES, {"sequences": sequences, "values": values})
