"""Codes that clients get over HTTP, by one strategy of each kind: from a statement, by hashing,
under a lease. `tests/integration/links/test_strategies.py` has all. HOP_TEST_LINKS=10000 makes it a
long run.
"""

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.running_demo import RunningDemo

pytestmark = pytest.mark.timeout(600)

LINKS = int(os.environ.get("HOP_TEST_LINKS", "400"))
CLIENTS = 8


@pytest.mark.parametrize("strategy", ["counter", "hash", "snowflake"])
def test_links_get_codes_of_their_own_when_eight_clients_shorten(tmp_path: Path, strategy: str):
    demo = RunningDemo(tmp_path, "--no-seed")
    demo.start(HOP_KEYGEN=strategy)
    try:
        numbers = itertools.count()

        def shorten(_: int) -> str:  # each target twice: equal hashes
            return demo.shorten(url=f"https://example.org/{next(numbers) // 2}")

        with ThreadPoolExecutor(CLIENTS) as clients:
            codes = list(clients.map(shorten, range(LINKS)))
        assert len(set(codes)) == LINKS
        assert demo.get(codes[0]) == demo.get(codes[-1]) == 302
    finally:
        assert demo.stop() == []
