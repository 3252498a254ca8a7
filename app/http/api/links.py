"""/api/v1/links/<code>: read, change, delete, and the counts."""

import os
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from flask import Blueprint, Response
from msgspec import UNSET, Meta, UnsetType

from app.clicks.recorder import today
from app.errors import InvalidFieldError
from app.http.api.auth import require_admin
from app.http.api.bodies import answer, read_body
from app.http.context import own_hosts, resources, short_url
from app.links import shorten as links
from app.links import target_url
from app.redirect.explain import explain
from db.clicks.stats import read_stats
from db.links import Link

blueprint = Blueprint("api_v1", __name__, url_prefix="/api/v1")
blueprint.before_request(require_admin)

FIRST_YEAR, LAST_YEAR = 1970, 9998


class LinkAnswer(msgspec.Struct):
    """A link as the API shows it."""

    code: str
    short_url: str
    url: str
    created_at: datetime
    expires_at: datetime | None
    enabled: bool


class LinkPatch(msgspec.Struct, forbid_unknown_fields=True):
    """What may be changed; what is left out stays."""

    url: str | UnsetType = UNSET
    expires_at: Annotated[datetime, Meta(tz=True)] | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class DayCount(msgspec.Struct):
    """One day (UTC) with clicks."""

    day: date
    clicks: int
    bots: int


class ValueCount(msgspec.Struct):
    """One value of a dimension, such as a browser."""

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


@blueprint.get("/links/<code>")
def get_link(code: str) -> Response:
    """Show a link, expired and disabled ones included."""
    return answer(_shown(links.get_link(resources().store, code)))


@blueprint.patch("/links/<code>")
def patch_link(code: str) -> Response:
    """Change a link; redirects follow the change at once."""
    hop, patch = resources(), read_body(LinkPatch)
    changes: dict[str, str | bool | datetime | None] = {}
    if patch.url is not UNSET:
        changes["target_url"] = target_url.normalise(
            patch.url, max_bytes=hop.settings.max_url_bytes, own_hosts=own_hosts()
        )
    if patch.expires_at is not UNSET:
        changes["expires_at"] = patch.expires_at and _checked(patch.expires_at)
    if patch.enabled is not UNSET:
        changes["enabled"] = patch.enabled
    return answer(_shown(links.edit(hop.store, code, **changes)))


@blueprint.delete("/links/<code>")
def delete_link(code: str) -> Response:
    """Delete a link; its code is never given out again."""
    links.delete(resources().store, code)
    return Response(status=204)


@blueprint.get("/links/<code>/stats")
def get_stats(code: str) -> Response:
    """The counts of a link, at most a few seconds old while the worker runs."""
    hop = resources()
    links.get_link(hop.store, code)
    stats = read_stats(hop.pool, code, today=today())
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


@blueprint.get("/links/<code>/explain")
def get_explanation(code: str) -> Response:
    """Which tier would answer a redirect now, and what each one knows. Counts nothing."""
    return answer(explain(resources().store, code, process=os.getpid()))


def _checked(moment: datetime) -> datetime:
    """A moment that every part of hop can write down in UTC: years 1970 to 9998."""
    try:
        in_utc = moment.astimezone(UTC)
        if FIRST_YEAR <= in_utc.year <= LAST_YEAR:
            return in_utc
    except OverflowError:
        pass
    raise InvalidFieldError(
        f"Expected a moment of the years {FIRST_YEAR} to {LAST_YEAR}.", field="expires_at"
    )


def _shown(link: Link) -> LinkAnswer:
    return LinkAnswer(
        code=link.code,
        short_url=short_url(link.code),
        url=link.target_url,
        created_at=link.created_at,
        expires_at=link.expires_at,
        enabled=link.enabled,
    )
