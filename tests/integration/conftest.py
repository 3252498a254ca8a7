"""What a web process opens, its Flask app, and a worker, all in the process of the test."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from analytics_worker.consumer import Consumer
from app.factory import create_app
from app.process import WebProcess, open_process
from app.redirect.lookup import Found
from app.settings import Settings
from db.api_keys import set_key
from db.clicks.stats import read_clicks
from db.connect.pool import Pool
from tests.click_pipeline import Pipeline

ADMIN = {"Authorization": "Bearer a-key-for-this-test"}


@dataclass(frozen=True)
class Hop:
    """Everything that a test of the whole needs."""

    process: WebProcess
    client: FlaskClient
    consumer: Consumer

    def shorten(self, url: str = "https://example.org/", **more: Any) -> str:
        """Make a link over the API; returns its code."""
        answer = self.client.post("/shorten", json={"url": url, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json["short_code"])

    def resolve(self, code: str) -> Found:
        """Look a code up as a redirect does that misses in memory."""
        return self.process.reader.resolve(code, "192.0.2.1")

    def clicks_once(self, code: str, expected: int, within_s: float = 10) -> int:
        """Run the worker until a code has the clicks expected of it, or time is up."""
        deadline = time.monotonic() + within_s
        while (clicks := read_clicks(self.process.pool, [code])[code]) != expected:
            if time.monotonic() > deadline:
                return clicks
            self.consumer.consume(block_ms=50)
        return clicks


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        journal_dir=str(tmp_path / "journal"),
        rate_limit="off",
    )


@pytest.fixture
def hop(settings: Settings, redis_client: "redis.Redis") -> Iterator[Hop]:
    process = open_process(settings)
    set_key(process.pool, "admin", "a-key-for-this-test")
    consumer = Consumer(process.pool, redis_client)
    yield Hop(process, create_app(process).test_client(), consumer)
    process.close(drain_s=0)


@pytest.fixture
def pipeline(tmp_path: Path, pool: Pool, redis_client: "redis.Redis") -> Iterator[Pipeline]:
    made = Pipeline(tmp_path / "journal", pool, redis_client)
    yield made
    made.journal.file.close()
