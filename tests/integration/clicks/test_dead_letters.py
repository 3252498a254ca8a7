"""What can never be counted is skipped, counted as such, and kept; everything else is counted."""

import random

from db.clicks import dead_letters
from db.clicks.dead_letters import DeadLetter, count_dead_letters
from db.clicks.receipts import read_receipts
from db.clicks.wire import STREAMS, Chunk, chunk_to_fields, encode_click, stream_of
from db.connect.pool import Pool
from tests.click_pipeline import Pipeline

NOW_MS = 1_790_000_000_000
GOOD = encode_click("abc", NOW_MS)


def letters(pool: Pool) -> list[tuple[str, str | None, int | None, bytes]]:
    with pool.connection() as connection:
        return connection.execute(
            "SELECT reason, producer, start_offset, content FROM click_dead_letters ORDER BY id"
        ).fetchall()


def places(pool: Pool) -> list[tuple[str | None, int | None]]:
    return [(producer, offset) for _, producer, offset, _ in letters(pool)]


def send(pipeline: Pipeline, chunk: Chunk) -> None:
    pipeline.wire.xadd(stream_of(chunk.producer), chunk_to_fields(chunk))


def test_poisoned_entry_and_line_are_skipped_and_the_rest_is_counted(pipeline: Pipeline):
    pipeline.wire.xadd(STREAMS[0], {"nonsense": "1"})
    pipeline.wire.xadd(
        pipeline.stream, {"producer": "p", "offset": "0", "payload": "not compressed"}
    )
    good = encode_click("abc", 1_790_000_000_000, user_agent="a\0b", language="\0")
    far = encode_click("abc", 9 * 10**14)
    chunk = Chunk("p", 0, b"{nonsense}\n" + good + b"\xff\n" + far + good)
    send(pipeline, chunk)
    pipeline.deliver()
    assert pipeline.clicks() == 2
    after_good = 11 + len(good)
    assert places(pipeline.pool) == [
        *(("p", 0), ("p", after_good), ("p", after_good + 2)),
        *((None, None), ("p", 0)),
    ]
    assert read_receipts(pipeline.pool, ["p"]) == {"p": chunk.end}
    assert pipeline.waiting() == 0


def test_damaged_chunk_is_kept_once_and_counted_when_its_sender_sends_it_again(pipeline: Pipeline):
    pipeline.click(5)
    pipeline.shipper.ship()
    ((entry_id, fields),) = pipeline.wire.xrange(pipeline.stream)
    damaged = fields | {b"payload": fields[b"payload"][:-9]}
    pipeline.wire.xdel(pipeline.stream, entry_id)
    for _ in range(3):
        pipeline.wire.xadd(pipeline.stream, damaged)
        pipeline.consumer.consume(block_ms=1)
    producer = pipeline.journal.file.producer
    assert pipeline.clicks() == read_receipts(pipeline.pool, [producer])[producer] == 0
    pipeline.deliver()
    assert pipeline.clicks() == 5
    assert places(pipeline.pool) == [(producer, 0)]
    assert count_dead_letters(pipeline.pool) == 1


def test_line_that_postgres_refuses_is_found_and_all_others_are_counted(pipeline: Pipeline):
    chance = random.Random(62)
    # Too long for an index, and too random to be compressed: nothing that hop looks for.
    refused = encode_click(f"{chance.getrandbits(60_000):x}", NOW_MS)
    lines = [GOOD] * 40
    lines[17:17] = lines[33:33] = [refused]
    for producer in ("p", "q", "r"):
        middle = lines if producer == "q" else [GOOD] * 40
        for part in (0, 1):
            half = b"".join(middle[part * 21 : part * 21 + 21])
            send(pipeline, Chunk(producer, part * len(b"".join(middle[:21])), half))
    pipeline.deliver()
    assert pipeline.clicks() == 120
    assert [place[0] for place in places(pipeline.pool)] == ["q", "q"]
    assert places(pipeline.pool)[0] == ("q", 17 * len(GOOD))
    assert all(content == refused[:4096] for _, _, _, content in letters(pipeline.pool))
    assert all("index" in reason for reason, *_ in letters(pipeline.pool))
    assert count_dead_letters(pipeline.pool) == 2
    receipts = read_receipts(pipeline.pool, ["p", "q", "r"])
    assert receipts == {"p": 40 * len(GOOD), "q": len(b"".join(lines)), "r": 40 * len(GOOD)}


def test_newest_letters_are_kept_and_all_counted_when_there_are_many(
    pipeline: Pipeline, monkeypatch
):
    monkeypatch.setattr(dead_letters, "MAX_KEPT", 3)
    lines = b"".join(b"%d\n" % number for number in range(8))
    pipeline.count([Chunk("p", 0, lines[:10])])
    pipeline.count([Chunk("p", 10, lines[10:])])
    assert [content for *_, content in letters(pipeline.pool)] == [b"5\n", b"6\n", b"7\n"]
    assert count_dead_letters(pipeline.pool) == 8


def test_damaged_chunk_is_kept_when_postgres_refuses_a_line_of_the_same_batch(pipeline: Pipeline):
    chance = random.Random(62)
    refused = encode_click(f"{chance.getrandbits(60_000):x}", NOW_MS)
    damaged = DeadLetter("chunk", "damaged", b"what was left of it")
    pipeline.count([Chunk("p", 0, refused + GOOD)], [damaged])
    assert pipeline.clicks() == 1
    assert count_dead_letters(pipeline.pool) == 2
    assert sorted(places(pipeline.pool), key=str) == [("p", 0), (None, None)]
