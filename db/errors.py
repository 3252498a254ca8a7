"""How this package says that a server cannot be used at present. Both are transient."""


class DatabaseUnavailableError(Exception):
    """Postgres is away, too slow or shutting down."""


class RedisUnavailableError(Exception):
    """Redis is away, too slow, or refuses the command; or its breaker is open."""
