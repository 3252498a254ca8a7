"""The one way in which this package says that the database cannot be used at present."""


class DatabaseUnavailableError(Exception):
    """Postgres is away, too slow or shutting down. Transient: trying again later may work."""
