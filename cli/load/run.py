"""Runs a load test: creates links, runs Locust, reads the server's counters before and after."""

import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from cli.load.progress import ProgressLine
from cli.load.target import find_api_key, find_demo
from lab.load.generator.links import LoadLinks, create_links, save_links
from lab.load.generator.locust_process import Generator, GeneratorError, start_generator
from lab.load.plan import LoadPlan
from lab.load.results.result import LoadResult, ServerMetrics, summarise
from lab.load.samples import Sample
from lab.load.server_metrics import count_between, read_cpu, read_tiers

POLL_EVERY_S: Final = 0.25
# Time beyond the duration for Locust to start and to await the last answers.
GRACE_S: Final = 60.0

# Redirects by tier and CPU seconds by part; None if unreadable.
ServerCounters = tuple[dict[str, float] | None, dict[str, float] | None]


def measure(plan: LoadPlan, hop_url: str) -> LoadResult:
    """Run a load test and summarise it.

    Raises:
        CreateLinksError: hop does not create the links.
        GeneratorError: Locust fails.
    """
    prepared = _prepare(plan, hop_url)
    demo = find_demo(hop_url)
    api_key, pids = find_api_key(demo), demo["pids"] if demo else None
    with tempfile.TemporaryDirectory(prefix="hop-load-") as directory:
        file = Path(directory, "links.json")
        save_links(prepared, file)

        def read_server() -> ServerCounters:
            return read_tiers(hop_url, api_key), read_cpu(pids)

        samples, generator_cpu, (tiers, cpu_s) = _run(plan, hop_url, file, read_server)
        server = ServerMetrics(
            count_between(tiers, read_tiers(hop_url, api_key)), _used(cpu_s, read_cpu(pids))
        )
    return summarise(plan, samples, server, generator_cpu)


def _prepare(plan: LoadPlan, hop_url: str) -> LoadLinks:
    bar = click.progressbar(
        length=plan.hot_links + plan.cold_links,
        label="creating links",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    )
    with bar:
        return create_links(hop_url, plan.hot_links, plan.cold_links, bar.update)


def _run(
    plan: LoadPlan, hop_url: str, prepared: Path, read_server: Callable[[], ServerCounters]
) -> tuple[list[Sample], float, ServerCounters]:
    """Run Locust to its end.

    Returns:
        Its samples, the share of a core that it used, and the server's counters after the warm-up.
    """
    # By default SIGTERM ends Python without `finally`, and Locust would go on.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    generator = start_generator(plan, hop_url, prepared, prepared.parent)
    try:
        samples, generator_cpu, server = _follow(generator, plan, read_server)
        if generator.process.returncode != 0 or not samples:
            raise GeneratorError(f"Locust failed:\n{generator.describe_failure()}")
    finally:
        generator.stop()
    return samples, generator_cpu, server


def _follow(
    generator: Generator, plan: LoadPlan, read_server: Callable[[], ServerCounters]
) -> tuple[list[Sample], float, ServerCounters]:
    samples: list[Sample] = []
    server: ServerCounters = (None, None)
    if plan.warm_up_s:
        click.echo(f"warming up for {plan.warm_up_s} s", err=True)
    deadline_s = time.monotonic() + plan.warm_up_s + plan.duration_s + GRACE_S
    began_s = began_cpu_s = share = 0.0
    with ProgressLine(plan) as line:
        running = True
        while running:
            time.sleep(POLL_EVERY_S)
            new, running = generator.poll()
            now_s = time.monotonic()
            if new and not samples:  # CPU time of the warm-up does not count
                began_s, began_cpu_s, server = now_s, generator.cpu_s, read_server()
            elif samples and now_s - began_s <= plan.duration_s:
                share = (generator.cpu_s - began_cpu_s) / (now_s - began_s)
            samples += new
            line.show(new, now_s - began_s if samples else 0.0)
            if now_s > deadline_s:
                raise GeneratorError("Locust did not stop in time")
    return samples, share, server


def _used(
    before: dict[str, float] | None, after: dict[str, float] | None
) -> dict[str, float] | None:
    """CPU seconds of each part; a part that was restarted counts from its restart."""
    if before is None or after is None:
        return None
    return {
        part: round(used - before[part] if used >= before[part] else used, 3)
        for part, used in after.items()
    }
