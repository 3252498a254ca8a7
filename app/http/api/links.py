"""/api/v1/links/<code>: read, change, delete, statistics, explanation."""

from datetime import UTC, date, datetime
from typing import Annotated, Final

import msgspec
from flask import Blueprint, Response
from msgspec import UNSET, Meta, UnsetType

from app.clicks.recorder import today
from app.errors import InvalidFieldError
from app.http.api.auth import require_admin
from app.http.bodies import answer, read_body
from app.http.context import own_hosts, short_url, web_process
from app.links.target_url import normalise_url
from app.redirect.explain import explain
from db.clicks.stats import read_stats
from db.links import Link

blueprint = Blueprint("links", __name__, url_prefix="/api/v1/links/<code>")
blueprint.before_request(require_admin)

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9998


class LinkAnswer(msgspec.Struct):
    """A link as the API shows it."""

    code: str
    short_url: str
    url: str
    created_at: datetime
    expires_at: datetime | None
    enabled: bool


class LinkPatch(msgspec.Struct, forbid_unknown_fields=True):
    """The fields to change; the others stay."""

    url: str | UnsetType = UNSET
    expires_at: Annotated[datetime, Meta(tz=True)] | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class DayCount(msgspec.Struct):
    """The clicks of one day (UTC)."""

    day: date
    clicks: int
    bots: int


class ValueCount(msgspec.Struct):
    """The clicks of one value of a dimension, such as a browser."""

    value: str
    clicks: int


class StatsAnswer(msgspec.Struct):
    """The counts of a link. `clicks` includes `bots`; `unique_visitors` does not."""

    code: str
    clicks: int
    unique_visitors: int
    bots: int
    last_click_at: datetime | None
    days: list[DayCount]
    dimensions: dict[str, list[ValueCount]]


@blueprint.get("")
def get_link(code: str) -> Response:
    """Show a link, also if it is expired or disabled."""
    return answer(_to_answer(web_process().editor.get_link(code)))


@blueprint.patch("")
def patch_link(code: str) -> Response:
    """Change a link; redirects follow the change at once."""
    process, patch = web_process(), read_body(LinkPatch)
    changes: dict[str, str | bool | datetime | None] = {}
    if patch.url is not UNSET:
        changes["target_url"] = normalise_url(
            patch.url, max_bytes=process.settings.max_url_bytes, own_hosts=own_hosts()
        )
    if patch.expires_at is not UNSET:
        changes["expires_at"] = patch.expires_at and _in_utc(patch.expires_at)
    if patch.enabled is not UNSET:
        changes["enabled"] = patch.enabled
    return answer(_to_answer(process.editor.edit(code, **changes)))


@blueprint.delete("")
def delete_link(code: str) -> Response:
    """Delete a link; its code is never given out again."""
    web_process().editor.delete(code)
    return Response(status=204)


@blueprint.get("/stats")
def get_stats(code: str) -> Response:
    """The counts of a link, a few seconds old at most while the worker runs."""
    process = web_process()
    process.editor.get_link(code)
    stats = read_stats(process.pool, code, today=today())
    return answer(
        StatsAnswer(
            code=code,
            clicks=stats.clicks,
            unique_visitors=stats.unique_visitors,
            bots=stats.bots,
            last_click_at=stats.last_click_at,
            days=[DayCount(*row) for row in stats.by_day],
            dimensions={
                dimension: [ValueCount(*row) for row in rows]
                for dimension, rows in stats.by_dimension.items()
            },
        )
    )


@blueprint.get("/explain")
def get_explanation(code: str) -> Response:
    """Which tier would answer a redirect now, and what each tier knows. Counts nothing."""
    process = web_process()
    return answer(explain(process.pool, process.memory, process.redis_cache, code))


def _in_utc(moment: datetime) -> datetime:
    """A moment that Python, Postgres and JSON can all represent in UTC.

    Raises:
        InvalidFieldError: it is out of range.
    """
    try:
        in_utc = moment.astimezone(UTC)
        if FIRST_YEAR <= in_utc.year <= LAST_YEAR:
            return in_utc
    except OverflowError:
        pass
    raise InvalidFieldError(
        f"Expected a moment of the years {FIRST_YEAR} to {LAST_YEAR}.", field="expires_at"
    )


def _to_answer(link: Link) -> LinkAnswer:
    return LinkAnswer(
        code=link.code,
        short_url=short_url(link.code),
        url=link.target_url,
        created_at=link.created_at,
        expires_at=link.expires_at,
        enabled=link.enabled,
    )
