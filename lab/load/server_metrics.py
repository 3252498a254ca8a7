"""What the server reports about a run: redirects by tier, and CPU time by process."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import psutil
import urllib3

_TIER: Final = re.compile(
    r'^hop_redirects_total\{[^}]*tier="(\w+)"[^}]*\} ([0-9.e+]+)', re.MULTILINE
)
_TIMEOUT: Final = urllib3.Timeout(connect=2, read=10)

Pids = Mapping[str, int | list[int] | None]


def read_tiers(hop_url: str, api_key: str | None) -> dict[str, float] | None:
    """Redirects since the server's start by tier; None: no API key, or no such metrics."""
    if api_key is None:
        return None
    try:
        response = urllib3.request(
            "GET",
            f"{hop_url}/metrics",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=_TIMEOUT,
            retries=False,
            redirect=False,
        )
    except urllib3.exceptions.HTTPError:
        return None
    if response.status != HTTPStatus.OK:
        return None
    return parse_tiers(response.data.decode(errors="replace"))


def parse_tiers(metrics: str) -> dict[str, float] | None:
    """Redirects by tier from Prometheus's text format; None when it has none."""
    tiers: dict[str, float] = {}
    for tier, count in _TIER.findall(metrics):
        tiers[tier] = tiers.get(tier, 0.0) + float(count)
    return tiers or None


def count_between(
    before: dict[str, float] | None, after: dict[str, float] | None
) -> dict[str, int] | None:
    """Redirects by tier between two readings; None when one is missing."""
    if before is None or after is None:
        return None
    return {tier: round(count - before.get(tier, 0.0)) for tier, count in sorted(after.items())}


def read_cpu(pids: Pids | None) -> dict[str, float] | None:
    """CPU seconds used so far by web, postgres, redis and worker, with their children.

    Args:
        pids: as in demo.json; None when the server is not a demo on this machine. A server that
            the demo did not start has no process id there, and is left out.
    """
    if pids is None:
        return None
    used = {}
    for part in ("web", "postgres", "redis", "worker"):
        found = pids.get(part)
        roots = found if isinstance(found, list) else [found] if found else []
        if roots:
            used[part] = sum(map(_cpu_with_children, roots))
    return used


def _cpu_with_children(pid: int) -> float:
    total = 0.0
    try:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            # `children_…` covers children that have ended and been waited for.
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    except psutil.Error:
        pass  # a process ended meanwhile; its parent has its times
    return total
