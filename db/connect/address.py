"""Addresses of databases, which hold passwords and are therefore never repeated in an error."""

import psycopg
from psycopg.conninfo import conninfo_to_dict


def check_address(database_url: str) -> None:
    """Accept an address that libpq can read.

    Raises:
        ValueError: it cannot; the message does not repeat the address.
    """
    try:
        conninfo_to_dict(database_url)
    except psycopg.ProgrammingError:
        raise ValueError(
            "libpq cannot read this address; is a special character in the password not"
            " percent-encoded?"
        ) from None
