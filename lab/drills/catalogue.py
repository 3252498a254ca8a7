"""All drills, in the order in which they are listed and run."""

from typing import Final

from lab.drills.drill import Drill
from lab.drills.faults import everything, full_disk, outages, processes, stream

_DRILLS: Final = (
    Drill(
        "web-killed",
        "a journal survives its process, and another one adopts it",
        processes.kill_web,
        redirects_succeed=False,
    ),
    Drill(
        "gunicorn-killed",
        "all journals of a host survive the end of all its web processes",
        processes.kill_server,
        redirects_succeed=False,
    ),
    Drill(
        "worker-killed",
        "chunks wait in the stream; those counted and not yet deleted are recognised",
        processes.kill_worker,
    ),
    Drill(
        "worker-killed-in-transaction",
        "counts and receipt are committed together or not at all",
        processes.kill_worker_in_transaction,
    ),
    Drill(
        "redis-killed",
        "chunks that Redis forgot are sent again from the journal",
        outages.kill_redis,
    ),
    Drill(
        "postgres-killed",
        "what was committed is not counted again, what was not is counted",
        outages.kill_postgres,
    ),
    Drill(
        "redis-flushed", "a stream that vanishes is sent again from the receipt", stream.flush_redis
    ),
    Drill(
        "stream-trimmed",
        "the worker does not count behind the gap, and the sender closes it",
        stream.trim_stream,
    ),
    Drill(
        "stream-shuffled",
        "a chunk that comes again or too early changes nothing",
        stream.shuffle_stream,
    ),
    Drill(
        "two-workers",
        "several workers count each byte once between them, frozen or killed",
        processes.run_two_workers,
        duration_s=2,
    ),
    Drill(
        "redis-hung",
        "no redirect waits for a Redis that does not answer; clicks wait on disk",
        outages.hang_redis,
        duration_s=20,
    ),
    Drill(
        "redis-away",
        "links come from Postgres, clicks wait on disk",
        outages.take_redis_away,
        duration_s=60,
    ),
    Drill(
        "postgres-away",
        "cached links redirect, clicks wait in stream and journals",
        outages.take_postgres_away,
        duration_s=60,
    ),
    Drill(
        "journal-full",
        "redirects go on without room for clicks, and each one dropped is accounted for",
        full_disk.fill_journal,
        settings=(("HOP_JOURNAL_QUOTA_BYTES", str(full_disk.QUOTA_BYTES)),),
        headers=full_disk.LONG_HEADERS,
    ),
    Drill(
        "everything",
        "all of it at once, at random",
        everything.do_everything,
        duration_s=120,
        redirects_succeed=False,
    ),
)

DRILLS: Final = {drill.name: drill for drill in _DRILLS}
