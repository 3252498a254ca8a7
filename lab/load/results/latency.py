"""What the samples of a run amount to: exact percentiles, and how it went second by second."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.load.plan import REDIRECTS
from lab.load.samples import Sample


@dataclass(frozen=True, slots=True)
class KindFigures:
    """One kind of request, or all redirects. Latencies are of right answers, in milliseconds.

    Response times count from when a request was due, service times from when it was sent.
    """

    kind: str
    requests: int  # that were due
    answered: int  # with the right answer
    errors: int
    per_s: float  # right answers within the run
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    service_p50_ms: float
    service_p99_ms: float
    start_delay_p99_ms: float  # of all requests


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the run; the first is 0. All but `answered` is of redirects due in it."""

    second: int
    due: int
    answered: int  # right answers that came in this second, whenever they were due
    errors: int
    p50_ms: float | None  # None: nothing was answered
    p99_ms: float | None
    max_ms: float | None


def figures_by_kind(samples: Sequence[Sample], duration_s: float) -> list[KindFigures]:
    """One row for each kind; with several kinds of redirects, one more for all of them."""
    by_kind: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_kind[sample.kind].append(sample)
    rows = [figures_of(kind, by_kind[kind], duration_s) for kind in sorted(by_kind)]
    if len(by_kind.keys() & set(REDIRECTS)) > 1:
        rows.insert(0, figures_of("all redirects", redirects_of(samples), duration_s))
    return rows


def redirects_of(samples: Iterable[Sample]) -> list[Sample]:
    """The requests that the verdict is about."""
    return [sample for sample in samples if sample.kind in REDIRECTS]


def figures_of(kind: str, samples: Sequence[Sample], duration_s: float) -> KindFigures:
    """The figures of some samples; percentiles of nothing are 0."""
    right = [sample for sample in samples if not sample.error]
    response = sorted(sample.response_ms for sample in right)
    service = sorted(sample.service_ms for sample in right)
    in_time = sum(sample.due_s + sample.response_ms / 1_000 <= duration_s for sample in right)
    return KindFigures(
        kind=kind,
        requests=len(samples),
        answered=len(right),
        errors=len(samples) - len(right),
        per_s=round(in_time / duration_s, 1),
        p50_ms=quantile(response, 500),
        p90_ms=quantile(response, 900),
        p99_ms=quantile(response, 990),
        p999_ms=quantile(response, 999),
        max_ms=quantile(response, 1_000),
        service_p50_ms=quantile(service, 500),
        service_p99_ms=quantile(service, 990),
        start_delay_p99_ms=quantile(sorted(sample.start_delay_ms for sample in samples), 990),
    )


def figures_by_second(redirects: Iterable[Sample], duration_s: int) -> list[Second]:
    """How the run went; every second has a row, also one in which nothing was due."""
    due: list[list[Sample]] = [[] for _ in range(duration_s)]
    answered: Counter[int] = Counter()
    for sample in redirects:
        due[int(sample.due_s)].append(sample)
        if not sample.error:
            answered[int(sample.due_s + sample.response_ms / 1_000)] += 1
    return [_summarise(second, each, answered[second]) for second, each in enumerate(due)]


def count_errors(samples: Iterable[Sample]) -> dict[str, int]:
    """How often each kind of error was met, the most frequent first."""
    met = Counter(f"{sample.kind}: {sample.error}" for sample in samples if sample.error)
    return dict(met.most_common())


def count_statuses(samples: Iterable[Sample]) -> dict[str, int]:
    """Answers by status, right and wrong ones; no answer is not among them."""
    met = Counter(sample.status for sample in samples if sample.status)
    return {str(status): met[status] for status in sorted(met)}


def quantile(ordered: Sequence[float], permille: int) -> float:
    """The nearest-rank quantile: the smallest value that so many per mille do not exceed.

    Args:
        ordered: ascending; of none the quantile is 0.
        permille: 1 to 1000.
    """
    if not ordered:
        return 0.0
    return round(ordered[-(-permille * len(ordered) // 1_000) - 1], 3)


def _summarise(second: int, samples: Sequence[Sample], answered: int) -> Second:
    response = sorted(sample.response_ms for sample in samples if not sample.error)
    errors = len(samples) - len(response)
    p50, p99, most = (quantile(response, each) if response else None for each in (500, 990, 1_000))
    return Second(second, len(samples), answered, errors, p50, p99, most)
