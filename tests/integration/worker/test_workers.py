"""Several workers: they share the partitions, take over, and count each click once."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import psycopg
import pytest

from analytics_worker import consumer as consumer_module
from analytics_worker.consumer import Consumer
from db.clicks.partition_locks import PartitionLocks
from db.clicks.wire import PARTITIONS, chunk_from_fields
from db.errors import DatabaseUnavailableError
from tests.click_pipeline import Pipeline
from tests.running_demo import wait_until


def test_clicks_are_counted_once_when_two_workers_count_at_the_same_time(
    pipeline: Pipeline,
):
    for number in range(20):
        pipeline.click(50, code=f"code{number % 3}")
        pipeline.shipper.ship()
    entries = pipeline.wire.xrange(pipeline.stream)
    chunks = [chunk_from_fields(fields) for _, fields in entries]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(2):  # each chunk at least eight times, in several orders
            orders = [chunks, chunks, chunks[:10], chunks]
            list(threads.map(lambda order: [pipeline.count([c]) for c in order], orders))
    assert sum(pipeline.clicks(f"code{n}") for n in range(3)) == 1_000


def test_batches_are_bounded_and_say_whether_there_is_more(pipeline: Pipeline, monkeypatch):
    monkeypatch.setattr(consumer_module, "CHUNKS_PER_STREAM", 4)
    consumer = Consumer(pipeline.pool, pipeline.wire)
    for _ in range(10):
        pipeline.click(1)
        pipeline.shipper.ship()
    taken = [(consumer.consume(block_ms=1), consumer.is_behind) for _ in range(4)]
    assert taken == [(4, True), (4, True), (2, False), (0, False)]
    assert pipeline.clicks() == 10


@pytest.fixture
def workers(database_url: str) -> Iterator[list[PartitionLocks]]:
    """Three workers' locks."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(PartitionLocks(database_url, range(PARTITIONS))))
            for _ in range(3)
        ]


def shares(workers: list[PartitionLocks]) -> list[int]:
    for _ in range(2):  # first some are given up, then they are taken
        for worker in workers:
            worker.rebalance()
    held = [partition for worker in workers for partition in worker.held]
    assert len(held) == len(set(held)), "a partition has two holders"
    return sorted(len(worker.held) for worker in workers)


def test_partitions_are_shared_and_taken_over_when_workers_come_and_go(workers):
    first, second, third = workers
    assert shares([first]) == [8]
    assert shares([first, second]) == [4, 4]
    assert shares(workers) == [2, 3, 3]
    first.close()
    assert shares([second, third]) == [4, 4]
    second.close()
    assert shares([third]) == [8]


def test_partitions_are_free_at_once_when_a_worker_is_killed(workers, database_url: str):
    program = (
        "from db.clicks.partition_locks import PartitionLocks; import sys, time\n"
        "locks = PartitionLocks(sys.argv[1], range(8)); locks.rebalance()\n"
        "print(len(locks.held), flush=True); time.sleep(100)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, database_url], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"8\n"
        workers[0].rebalance()
        assert workers[0].held == set()
        other.kill()

    def rebalanced() -> bool:
        workers[0].rebalance()
        return len(workers[0].held) == PARTITIONS

    wait_until(rebalanced, within_s=5)


def test_nothing_is_held_when_the_connection_is_lost_and_all_when_it_is_back(
    workers, database_url: str
):
    worker = workers[0]
    worker.rebalance()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'hop-worker-partitions'"
        )
    with pytest.raises(DatabaseUnavailableError):
        worker.rebalance()
    assert worker.held == set()
    worker.rebalance()
    assert len(worker.held) == PARTITIONS


class EveryPartition(PartitionLocks):
    """Locks of a worker that believes to hold them all, whatever Postgres says."""

    def rebalance(self) -> None:
        self.held = set(range(PARTITIONS))


def test_clicks_are_counted_once_when_two_workers_believe_they_hold_all_partitions(
    pipeline: Pipeline, database_url: str
):
    stopping = threading.Event()
    consumers = [Consumer(pipeline.pool, pipeline.wire) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        running = [
            threads.submit(consumer.run, stopping, EveryPartition(database_url, ()))
            for consumer in consumers
        ]
        try:
            for number in range(60):
                pipeline.click(20, code=f"code{number % 3}")
                pipeline.shipper.ship()
                pipeline.shipper.confirm()
            wait_until(
                lambda: sum(pipeline.clicks(f"code{n}") for n in range(3)) == 1_200, within_s=20
            )
        finally:
            stopping.set()
        for each in running:
            each.result()
    assert sum(pipeline.clicks(f"code{n}") for n in range(3)) == 1_200


def test_worker_counts_its_share_until_it_is_told_to_stop(pipeline: Pipeline, workers):
    pipeline.click(5)
    pipeline.shipper.ship()
    stopping = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(pipeline.consumer.run, stopping, workers[0])
        try:
            wait_until(lambda: pipeline.clicks() == 5, within_s=10)
        finally:
            stopping.set()
        running.result()
    assert pipeline.waiting() == 0


def test_worker_runs_as_a_module_and_ends_on_sigterm(
    pipeline: Pipeline, database_url: str, redis_url: str
):
    environ = {"HOP_DATABASE_URL": database_url, "HOP_REDIS_URL": redis_url}
    pipeline.click(5)
    pipeline.shipper.ship()
    with subprocess.Popen(
        [sys.executable, "-m", "analytics_worker"], env=os.environ | environ
    ) as process:
        try:
            wait_until(lambda: pipeline.clicks() == 5, within_s=20)
        finally:
            process.terminate()
        assert process.wait(10) == 0
