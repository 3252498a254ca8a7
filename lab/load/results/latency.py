"""Latency and throughput of a run from its samples: by kind of request, and by second."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.load.plan import REDIRECTS
from lab.load.samples import Sample
from lab.report.quantiles import quantile


@dataclass(frozen=True, slots=True)
class KindSummary:
    """All requests of one kind. Latencies are of right responses.

    Response times count from when a request was due, service times from when it was sent.
    """

    kind: str
    requests: int  # due
    answered: int  # right responses
    errors: int
    per_s: float  # right responses before the end of the run
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    service_p50_ms: float
    service_p99_ms: float
    start_delay_p99_ms: float  # of all requests


@dataclass(frozen=True, slots=True)
class SecondSummary:
    """Redirects of one second of the run; all but `answered` are of those due in it."""

    second: int  # from 0
    due: int
    answered: int  # right responses in this second, whenever they were due
    errors: int
    p50_ms: float | None  # None: nothing was answered
    p99_ms: float | None
    max_ms: float | None


def summarise_kinds(samples: Sequence[Sample], duration_s: float) -> list[KindSummary]:
    """A summary of each kind, preceded by one of all redirects if they are of several kinds."""
    by_kind: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_kind[sample.kind].append(sample)
    rows = [summarise_kind(kind, by_kind[kind], duration_s) for kind in sorted(by_kind)]
    if len(by_kind.keys() & set(REDIRECTS)) > 1:
        rows.insert(0, summarise_kind("all redirects", select_redirects(samples), duration_s))
    return rows


def select_redirects(samples: Iterable[Sample]) -> list[Sample]:
    """The samples that the verdict is about."""
    return [sample for sample in samples if sample.kind in REDIRECTS]


def summarise_kind(kind: str, samples: Sequence[Sample], duration_s: float) -> KindSummary:
    """Summarise samples; without any, latencies are 0."""
    right = [sample for sample in samples if not sample.error]
    response = sorted(sample.response_ms for sample in right)
    service = sorted(sample.service_ms for sample in right)
    in_time = sum(sample.due_s + sample.response_ms / 1_000 <= duration_s for sample in right)
    return KindSummary(
        kind=kind,
        requests=len(samples),
        answered=len(right),
        errors=len(samples) - len(right),
        per_s=round(in_time / duration_s, 1),
        p50_ms=_quantile_ms(response, 500),
        p90_ms=_quantile_ms(response, 900),
        p99_ms=_quantile_ms(response, 990),
        p999_ms=_quantile_ms(response, 999),
        max_ms=_quantile_ms(response, 1_000),
        service_p50_ms=_quantile_ms(service, 500),
        service_p99_ms=_quantile_ms(service, 990),
        start_delay_p99_ms=_quantile_ms(sorted(each.start_delay_ms for each in samples), 990),
    )


def summarise_seconds(redirects: Iterable[Sample], duration_s: int) -> list[SecondSummary]:
    """A summary of every second, even if nothing was due in it."""
    due: list[list[Sample]] = [[] for _ in range(duration_s)]
    answered: Counter[int] = Counter()
    for sample in redirects:
        due[int(sample.due_s)].append(sample)
        if not sample.error:
            answered[int(sample.due_s + sample.response_ms / 1_000)] += 1
    return [_summarise_second(second, each, answered[second]) for second, each in enumerate(due)]


def count_errors(samples: Iterable[Sample]) -> dict[str, int]:
    """Errors by kind of request and message, the most frequent first."""
    errors = Counter(f"{sample.kind}: {sample.error}" for sample in samples if sample.error)
    return dict(errors.most_common())


def count_statuses(samples: Iterable[Sample]) -> dict[str, int]:
    """Responses by status, right or wrong."""
    statuses = Counter(sample.status for sample in samples if sample.status)
    return {str(status): statuses[status] for status in sorted(statuses)}


def _summarise_second(second: int, samples: Sequence[Sample], answered: int) -> SecondSummary:
    response = sorted(sample.response_ms for sample in samples if not sample.error)
    errors = len(samples) - len(response)
    p50, p99, most = (
        _quantile_ms(response, permille) if response else None for permille in (500, 990, 1_000)
    )
    return SecondSummary(second, len(samples), answered, errors, p50, p99, most)


def _quantile_ms(ordered: Sequence[float], permille: int) -> float:
    return round(quantile(ordered, permille), 3)
