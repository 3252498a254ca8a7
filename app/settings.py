"""The settings, from the environment: `HOP_` and the field's name in capitals."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec
from limits import RateLimitItem
from limits import parse as parse_limit
from msgspec import Meta

from app.clicks.countries import open_countries
from db.connect.address import check_address
from keygen.strategies import StrategyName

PREFIX: Final = "HOP_"

# Variables that other parts of hop read: the command line, the Makefile, `hop migrate`.
READ_ELSEWHERE: Final = {"URL", "API_KEY", "ADMIN_KEY", "PORT", "DATA_DIR"}

RangeSize = Annotated[int, Meta(ge=1, le=1_000_000)]
Seconds = Annotated[int, Meta(ge=1, le=30 * 86_400)]


class SettingsError(Exception):
    """One or more settings are wrong; the message lists all of them."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of web processes and worker; immutable."""

    database_url: str
    redis_url: str
    # Where short links are reached, such as https://sho.rt; if empty, the requested host.
    base_url: str = ""
    journal_dir: str = ".hop/journal"
    # Disk space for the journals of one web process, adopted ones included; 0 for no bound.
    journal_quota_bytes: Annotated[int, Meta(ge=0)] = 0
    journal_sync_s: Annotated[float, Meta(ge=0.01, le=60)] = 1.0
    geoip_db: str = ""  # a file in MaxMind's format; without it, countries are unknown
    keygen: StrategyName = "permuted"
    # Ids per range: the first one, and the bounds within which the size follows demand.
    range_size: RangeSize = 10_000
    range_size_min: RangeSize = 1_000
    range_size_max: RangeSize = 1_000_000
    redirect_status: Literal[301, 302, 307, 308] = 302
    redirect_cache_control: str = "private, max-age=0"
    max_url_bytes: Annotated[int, Meta(ge=64, le=65_536)] = 2_048
    cache_ttl_s: Seconds = 3_600
    negative_cache_ttl_s: Seconds = 10
    # After this long a redirect gives up on Redis and asks Postgres.
    redis_timeout_ms: Annotated[int, Meta(ge=5, le=250)] = 50
    # For the requests of one web process: its connections, and the threads that may wait for
    # Postgres at the same time. Fewer than it has, so that a slow Postgres leaves some for links
    # in a cache. `hop serve` derives both from the number of threads that it gives the server.
    database_connections: Annotated[int, Meta(ge=1, le=100)] = 6
    database_waiters: Annotated[int, Meta(ge=1, le=100)] = 14
    # How many unknown codes a client may ask for, such as 60/minute; off for no limit.
    rate_limit: str = "60/minute"
    trusted_proxies: Annotated[int, Meta(ge=0, le=5)] = 0
    # The page /lab/keys: absent, open to clients on the loopback address, or for the admin key.
    lab: Literal["off", "demo", "admin"] = "off"
    lab_dir: str = ""  # where its runs are kept; if empty, beside the journals
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read `HOP_DATABASE_URL` and its like.

        Raises:
            SettingsError: it names every missing or invalid setting, not only the first.
        """
        values: dict[str, Any] = {"database_url": "", "redis_url": ""}
        wrong = []
        for name, kind in get_type_hints(cls, include_extras=True).items():
            text = environ.get(PREFIX + name.upper())
            if text is not None:
                try:
                    values[name] = _convert(text, kind)
                    _check(name, text)
                except (msgspec.ValidationError, ValueError) as error:
                    wrong.append(f"{PREFIX}{name.upper()}={_shown(name, text)}: {error}")
            elif name in {"database_url", "redis_url"}:
                wrong.append(f"{PREFIX}{name.upper()} is not set")
        settings = cls(**values)
        wrong += _check_together(settings)
        if wrong:
            raise SettingsError("invalid settings:\n  " + "\n  ".join(wrong))
        return settings


def unknown_settings(environ: Mapping[str, str]) -> list[str]:
    """A warning for each `HOP_` variable that nothing reads; probably misspelt."""
    known = {name.upper() for name in Settings.__struct_fields__} | READ_ELSEWHERE
    found = sorted(name.removeprefix(PREFIX) for name in environ if name.startswith(PREFIX))
    lines = []
    for name in found:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {PREFIX}{near[0]}?" if near else ""
            lines.append(f"{PREFIX}{name} is not a setting of hop{hint}")
    return lines


def _convert(text: str, kind: Any) -> Any:
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        if get_origin(kind) is Literal:
            choices = ", ".join(str(choice) for choice in get_args(kind))
            raise ValueError(f"expected one of {choices}") from error
        if get_origin(kind) is Annotated:
            raise ValueError(f"expected {_range(*get_args(kind))}") from error
        raise


def _range(number: type, bounds: Meta) -> str:
    kind = "a whole number" if number is int else "a number"
    if bounds.le is None:
        return f"{kind} of at least {bounds.ge}"
    return f"{kind} from {bounds.ge} to {bounds.le}"


def _check_together(settings: Settings) -> list[str]:
    """A line for each invalid combination of settings that are valid alone."""
    wrong = []
    least, first, most = settings.range_size_min, settings.range_size, settings.range_size_max
    if not least <= first <= most:
        wrong.append(
            f"{PREFIX}RANGE_SIZE={first}: expected a size from {PREFIX}RANGE_SIZE_MIN={least} to"
            f" {PREFIX}RANGE_SIZE_MAX={most}"
        )
    return wrong


def _check(name: str, text: str) -> None:
    schemes = {
        "base_url": {"http", "https"},
        "database_url": {"postgresql", "postgres"},
        "redis_url": {"redis", "rediss", "unix"},
    }
    if name in schemes and (text or name != "base_url") and _scheme(text) not in schemes[name]:
        raise ValueError(
            f"expected an address that starts with {' or '.join(sorted(schemes[name]))}"
        )
    if name == "database_url":
        check_address(text)
    if name == "rate_limit":
        read_limit(text)
    if name == "geoip_db" and text:
        open_countries(text)
    if name == "redirect_cache_control" and not (text.isprintable() and text.isascii()):
        raise ValueError("expected printable ASCII characters")


def read_limit(text: str) -> RateLimitItem | None:
    """Parse a rate such as 60/minute; None for `off`.

    Raises:
        ValueError: the text is neither.
    """
    try:
        return None if text == "off" else parse_limit(text)
    except ValueError as error:
        raise ValueError("expected a rate such as 60/minute, or off") from error


def _scheme(address: str) -> str:
    try:
        return urlsplit(address).scheme
    except ValueError:  # its message would repeat the address, password included
        return ""


def _shown(name: str, text: str) -> str:
    """A value as error messages show it: addresses of servers may hold passwords."""
    return "(hidden)" if name in {"database_url", "redis_url"} else repr(text)
