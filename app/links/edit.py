"""Reading a link to manage it, changing it, and deleting it."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from app.cache.cached_link import CachedLink, to_cached_link
from app.cache.changes import PendingChanges
from app.errors import EditConflictError, LinkNotFoundError
from app.links.alias import CODE
from db.connect.pool import Pool
from db.errors import DatabaseUnavailableError
from db.links import Link, delete_link, find_link, update_link

EDIT_ATTEMPTS: Final = 3


class LinkEditor:
    """Changes links in Postgres and tells the caches. Thread-safe."""

    def __init__(self, pool: Pool, changes: PendingChanges) -> None:
        """Use the database and the way to the caches."""
        self._pool = pool
        self._changes = changes

    def get_link(self, code: str) -> Link:
        """The row of a code, from Postgres.

        Raises:
            LinkNotFoundError: there is none.
            DatabaseUnavailableError: Postgres cannot be asked.
        """
        link = find_link(self._pool, code) if CODE.fullmatch(code) else None
        if link is None:
            raise LinkNotFoundError(f"No link has the code {code!r}.")
        return link

    def edit(self, code: str, **changes: str | bool | datetime | None) -> Link:
        """Change `target_url`, `expires_at` or `enabled` of a link; the other fields stay.

        Raises:
            LinkNotFoundError: there is no such link.
            EditConflictError: others kept changing it at the same time.
            DatabaseUnavailableError: not now; the change may have been made.
        """
        for _ in range(EDIT_ATTEMPTS):
            changed = dataclasses.replace(self.get_link(code), **changes)  # type: ignore[arg-type]
            with self._noting_unconfirmed(code):
                written = update_link(self._pool, changed)
            if written is not None:
                self._changes.announce(code, to_cached_link(written))
                return written
        raise EditConflictError("Read it again and repeat the change.")

    def delete(self, code: str) -> None:
        """Delete a link. Its code is never given out again.

        Raises:
            LinkNotFoundError: there is no such link, or it was deleted before.
            DatabaseUnavailableError: not now; the link may have been deleted.
        """
        with self._noting_unconfirmed(code):
            deletion = delete_link(self._pool, code) if CODE.fullmatch(code) else None
        if deletion is None:
            raise LinkNotFoundError(f"No link has the code {code!r}.")
        # Announced again for a link that was deleted before: the first request may have died
        # between Postgres and the caches.
        self._changes.announce(code, CachedLink(deletion.version))
        if not deletion.is_new:
            raise LinkNotFoundError(f"The link {code!r} was deleted before.")

    @contextmanager
    def _noting_unconfirmed(self, code: str) -> Iterator[None]:
        try:
            yield
        except DatabaseUnavailableError:
            self._changes.note_unconfirmed(code)
            raise
