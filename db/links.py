"""Links in Postgres: one function per statement."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from db.connect.pool import Pool, connection_to


@dataclass(frozen=True, slots=True)
class Link:
    """One row of `links` that is not deleted. Times are aware, in UTC."""

    code: str
    target_url: str
    created_at: datetime
    expires_at: datetime | None
    enabled: bool
    version: int  # 1 when created, one more with each change; compared within one code only


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to create; `expires_at` is aware, or None for never."""

    code: str
    target_url: str
    expires_at: datetime | None = None


_INSERT = """
INSERT INTO links (code, target_url, expires_at)
SELECT * FROM unnest(%(codes)s::text[], %(target_urls)s::text[], %(expires_at)s::timestamptz[])
ON CONFLICT (code) DO NOTHING
RETURNING code, target_url, created_at, expires_at, enabled, version
"""


def insert_links(pool: Pool, links: Iterable[NewLink]) -> dict[str, Link]:
    """Create links in one statement. Postgres decides about conflicts.

    Args:
        pool: the database.
        links: no two with the same code.

    Returns:
        The new links by code. Those whose code is, or ever was, in use are missing.
    """
    # Always in the same order, so that two statements with the same codes cannot deadlock.
    ordered = sorted(links, key=lambda link: link.code)
    values = {
        "codes": [link.code for link in ordered],
        "target_urls": [link.target_url for link in ordered],
        "expires_at": [link.expires_at for link in ordered],
    }
    with connection_to(pool) as connection, connection.cursor(row_factory=class_row(Link)) as cur:
        return {link.code: link for link in cur.execute(_INSERT, values)}


def insert_link(
    pool: Pool, code: str, target_url: str, expires_at: datetime | None = None
) -> Link | None:
    """Create one link; None if the code is, or ever was, in use."""
    return insert_links(pool, [NewLink(code, target_url, expires_at)]).get(code)


_FIND = """
SELECT code, target_url, created_at, expires_at, enabled, version
FROM links WHERE code = %(code)s AND deleted_at IS NULL
"""


def find_link(pool: Pool, code: str) -> Link | None:
    """The link of a code, even if it is expired or disabled; None if there is none."""
    with connection_to(pool) as connection, connection.cursor(row_factory=class_row(Link)) as cur:
        return cur.execute(_FIND, {"code": code}).fetchone()


_UPDATE = """
UPDATE links SET target_url = %(target_url)s, expires_at = %(expires_at)s, enabled = %(enabled)s,
    version = version + 1
WHERE code = %(code)s AND version = %(version)s AND deleted_at IS NULL
RETURNING code, target_url, created_at, expires_at, enabled, version
"""


def update_link(pool: Pool, link: Link) -> Link | None:
    """Write a changed copy of a link, if the row still has the version that was read.

    Returns:
        The link with its new version, or None if it was changed or deleted meanwhile.
    """
    values = {
        "code": link.code,
        "target_url": link.target_url,
        "expires_at": link.expires_at,
        "enabled": link.enabled,
        "version": link.version,
    }
    with connection_to(pool) as connection, connection.cursor(row_factory=class_row(Link)) as cur:
        return cur.execute(_UPDATE, values).fetchone()


@dataclass(frozen=True, slots=True)
class Deletion:
    """The last version of a deleted link, and whether this call deleted it."""

    version: int
    is_new: bool


# For a link that was deleted before, `deleted` is empty and the row is read as it is.
_DELETE = """
WITH deleted AS (
    UPDATE links SET deleted_at = now(), target_url = '', version = version + 1
    WHERE code = %(code)s AND deleted_at IS NULL RETURNING version
)
SELECT version, true AS is_new FROM deleted
UNION ALL
SELECT version, false FROM links WHERE code = %(code)s AND deleted_at IS NOT NULL
"""


def delete_link(pool: Pool, code: str) -> Deletion | None:
    """Delete a link and forget its target. The code stays taken.

    Returns:
        None if there never was such a link, or another transaction is deleting it.
    """
    with connection_to(pool) as connection, connection.cursor(row_factory=class_row(Deletion)) as c:
        return c.execute(_DELETE, {"code": code}).fetchone()


def find_deleted_version(pool: Pool, code: str) -> int | None:
    """The last version of a deleted link, or None."""
    with connection_to(pool) as connection:
        row = connection.execute(
            "SELECT version FROM links WHERE code = %s AND deleted_at IS NOT NULL", (code,)
        ).fetchone()
    return None if row is None else int(row[0])


def has_links(pool: Pool) -> bool:
    """Whether any link was ever created."""
    with connection_to(pool) as connection:
        row = connection.execute("SELECT EXISTS (SELECT FROM links)").fetchone()
        return row is not None and bool(row[0])
