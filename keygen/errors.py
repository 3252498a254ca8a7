"""How this package says that no code can be made at present."""


class CodesUnavailableError(Exception):
    """No code can be made at present. Transient: trying again later may work."""
