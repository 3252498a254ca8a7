"""CPU time per request, from a file that `hop load` or `hop bench` wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec

Component = Literal["web", "redis", "postgres", "worker"]
COMPONENTS: Final[tuple[Component, ...]] = ("web", "redis", "postgres", "worker")


class MeasuredFileError(Exception):
    """The file does not contain what is needed; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU time of one request in each component, in microseconds."""

    web: float = 0.0
    redis: float = 0.0
    postgres: float = 0.0
    worker: float = 0.0


@dataclass(frozen=True, slots=True)
class Costs:
    """A redirect by the tier that answers it, with the counting of its click, and a shorten."""

    source: str  # where the costs come from, in words
    hot: Cost
    cached: Cost
    uncached: Cost
    shorten: Cost


# From `make bench` on two cores of an Intel Xeon with Python 3.11 under gunicorn, while other
# programs were running; rounded up to two digits.
DEFAULTS: Final = Costs(
    source=(
        "defaults, from make bench under gunicorn on two cores of an Intel Xeon with Python 3.11;"
        " --measured FILE uses those of your machine"
    ),
    hot=Cost(web=170, redis=4, postgres=81, worker=110),
    cached=Cost(web=560, redis=45, postgres=81, worker=110),
    uncached=Cost(web=600, redis=45, postgres=170, worker=110),
    shorten=Cost(web=1_100, redis=55, postgres=250),
)


def read_costs(path: Path) -> Costs:
    """Read a result of `hop load` or `hop bench`.

    Raises:
        MeasuredFileError: the file cannot be read, or is something else.
    """
    try:
        measured = msgspec.json.decode(path.read_bytes(), type=_LoadFile | _BenchFile)
        return _from_load(measured) if isinstance(measured, _LoadFile) else _from_bench(measured)
    except OSError as error:
        raise MeasuredFileError(f"{path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise MeasuredFileError(
            f"{path} is not a file of hop load or hop bench: {error}"
        ) from error
    except MeasuredFileError as error:
        raise MeasuredFileError(f"{path}: {error}") from error


class _LoadFile(msgspec.Struct, tag_field="kind", tag="hop-load"):
    cpu_s: Mapping[str, float]
    redirects: int
    shortens: int = 0


class _BenchFigure(msgspec.Struct):
    subject: str
    server: str
    cpu_us: Mapping[str, float]


class _BenchHttp(msgspec.Struct):
    figures: list[_BenchFigure]


class _BenchSections(msgspec.Struct):
    http: _BenchHttp | None = None


class _BenchFile(msgspec.Struct, tag_field="kind", tag="hop-bench"):
    sections: _BenchSections


def _from_load(file: _LoadFile) -> Costs:
    """Every tier costs as much as the mean redirect of the run, which includes its shortens."""
    if file.redirects < 1:
        raise MeasuredFileError("no redirect was measured")
    mean = _cost({part: used * 1e6 / file.redirects for part, used in file.cpu_s.items()})
    source = (
        f"hop load: means over {file.redirects:,} redirects, including the {file.shortens:,}"
        " shortens of the run"
    )
    return Costs(source, mean, mean, mean, Cost())


def _from_bench(file: _BenchFile) -> Costs:
    """Each tier's own cost, under gunicorn.

    The cost of counting a click is that of the run over many links with Redis: clicks of a single
    hot link are cheaper to add up, and without Redis clicks are not counted.
    """
    figures = file.sections.http.figures if file.sections.http else []
    cpu_us = {each.subject: each.cpu_us for each in figures if each.server == "gunicorn"}
    try:
        hot, cached, uncached, shorten = (
            _cost(cpu_us[subject])
            for subject in ("hop hot", "hop, Redis", "hop, Postgres", "hop shorten")
        )
    except KeyError as error:
        raise MeasuredFileError(
            f"{error} under gunicorn was not measured; run: hop bench --only http"
        ) from error
    return Costs(
        source="hop bench, one tier at a time under gunicorn",
        hot=Cost(hot.web, hot.redis, cached.postgres, cached.worker),
        cached=cached,
        uncached=Cost(
            uncached.web, cached.redis, uncached.postgres + cached.postgres, cached.worker
        ),
        shorten=shorten,
    )


def _cost(cpu_us: Mapping[str, float]) -> Cost:
    return Cost(**{component: cpu_us.get(component, 0.0) for component in COMPONENTS})
