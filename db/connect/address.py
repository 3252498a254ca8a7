"""Addresses of databases. They may hold passwords, so no error repeats them."""

import psycopg
from psycopg.conninfo import conninfo_to_dict


def check_address(database_url: str) -> None:
    """Accept an address that libpq can read.

    Raises:
        ValueError: libpq cannot read it. The message does not repeat it.
    """
    try:
        conninfo_to_dict(database_url)
    except psycopg.ProgrammingError:
        raise ValueError(
            "libpq cannot read this address; is a special character in the password not"
            " percent-encoded?"
        ) from None
