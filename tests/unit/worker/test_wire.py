"""db.clicks.wire: a click as a line, lines as a chunk."""

import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.clicks.wire import (
    CHUNK_BYTES,
    LATEST_MS,
    STREAMS,
    Chunk,
    Click,
    PoisonedError,
    chunk_from_fields,
    chunk_to_fields,
    decode_click,
    encode_click,
    stream_of,
)

# WSGI hands headers over as latin-1: any byte may be in them. Any text may be in a journal.
headers = st.text(st.characters(max_codepoint=0xFF)) | st.text(st.characters(codec="utf-8"))
# What hop makes itself holds no separators.
fields = st.text(st.characters(codec="utf-8", exclude_characters="\t\n"))
clicks = st.builds(
    Click,
    domain=st.sampled_from(["", "go.example"]),
    code=st.from_regex(r"[A-Za-z0-9_-]{3,64}", fullmatch=True) | st.just("ümlaut"),
    at_ms=st.integers(0, LATEST_MS - 1),
    referrer=fields,
    language=fields,
    country=fields,
    visitor=fields,
    user_agent=fields,
)


def encoded(click: Click) -> bytes:
    return encode_click(**click._asdict())


@given(clicks)
def test_click_comes_back_when_its_line_is_read(click):
    assert decode_click(encoded(click)) == click


@given(clicks, headers, headers)
def test_click_is_one_line_whatever_its_headers_hold(click, language, user_agent):
    line = encoded(click._replace(language=language, user_agent=user_agent))
    assert line.index(b"\n") == len(line) - 1
    read = decode_click(line)
    assert read[:6] == (*click[:4], read.language, click.country)
    assert read.language == language.replace("\t", " ").replace("\n", " ")
    expected = user_agent.replace("\t", " ").replace("\n", " ").removesuffix("\r")
    assert read.user_agent.replace("\t", " ") == expected


def test_line_stays_readable_for_workers_of_other_releases():
    line = b"2\t\tabc\t1700000000000\tt.co/x\tde\t\t0123456789abcdef\tcurl/8\n"
    click = Click("", "abc", 1_700_000_000_000, "t.co/x", "de", "", "0123456789abcdef", "curl/8")
    assert decode_click(line) == click
    assert encoded(click) == line
    assert decode_click(line.replace(b"2\t", b"2\tgo.example", 1)).domain == "go.example"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\0\0\0",
        b"2",
        b"2\t\tabc\t17000000",  # cut off
        b"2\t\tabc\t1700000000000\t\t\t\t",  # a field is missing
        b"1\t\tabc\t1700000000000\t\t\t\t\t",
        b"\t\tabc\t1700000000000\t\t\t\t\t",
        b"2\t\tabc\tyesterday\t\t\t\t\t",
        b"2\t\tabc\t1.5\t\t\t\t\t",
        b"2\t\tabc\t-1\t\t\t\t\t",
        b"2\t\tabc\t+1\t\t\t\t\t",
        "2\t\tabc\t\N{ARABIC-INDIC DIGIT ONE}\t\t\t\t\t".encode(),
        b"2\t\tabc\t253402300800000\t\t\t\t\t",  # the year 10000
        b"2\t\tabc\t" + b"9" * 400 + b"\t\t\t\t\t",
        b"2\t\t\t1700000000000\t\t\t\t\t",
        b"2\t\ta\0c\t1700000000000\t\t\t\t\t",  # Postgres would refuse it, again and again
        b"2\t\t\xff\xfe\t1700000000000\t\t\t\t\t",
        b"2\t\tabc\t1700000000000\t\t\t\t\t\xed\xa0\x80",
    ],
)
def test_line_is_poisoned_when_it_is_not_a_click(line):
    with pytest.raises(PoisonedError):
        decode_click(line + b"\n")


def test_stream_of_a_journal_is_the_same_in_every_release():
    assert stream_of("20260301T120000-host-0123456789ab") == "clicks:6"
    assert {stream_of(f"p{number}") for number in range(100)} == set(STREAMS)


def as_received(chunk: Chunk) -> dict[bytes, bytes]:
    """The fields as Redis gives them back: names are bytes."""
    return {name.encode(): value for name, value in chunk_to_fields(chunk).items()}


@given(
    producer=st.from_regex(r"[A-Za-z0-9._-]{1,100}", fullmatch=True),
    offset=st.integers(0, 2**62),
    lines=st.binary(),
)
def test_chunk_comes_back_when_its_fields_are_read(producer, offset, lines):
    chunk = Chunk(producer, offset, lines)
    assert chunk_from_fields(as_received(chunk)) == chunk
    assert chunk.end == offset + len(lines)


def test_chunk_is_read_when_it_is_as_long_as_allowed():
    chunk = Chunk("producer", 0, b"x" * CHUNK_BYTES)
    assert chunk_from_fields(as_received(chunk)) == chunk


FIELDS = as_received(Chunk("producer", 100, b"some lines\n" * 100))
PAYLOAD = FIELDS[b"payload"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(b"payload", PAYLOAD[:-1], id="cut off by a byte"),
        pytest.param(b"payload", PAYLOAD[:10], id="cut off"),
        pytest.param(b"payload", b"", id="empty"),
        pytest.param(b"payload", b"some lines\n", id="not compressed"),
        pytest.param(b"payload", PAYLOAD[:-4] + b"\0\0\0\0", id="another checksum"),
        pytest.param(b"payload", zlib.compress(b"x" * (CHUNK_BYTES + 1)), id="a byte too long"),
        pytest.param(b"payload", zlib.compress(b"\0" * 50_000_000), id="zip bomb"),
        pytest.param(b"offset", b"ten", id="offset in words"),
        pytest.param(b"offset", b"", id="offset empty"),
        pytest.param(b"offset", b"-1", id="offset negative"),
        pytest.param(b"offset", b"9" * 19, id="offset too large for Postgres"),
        pytest.param(b"producer", b"\xff", id="producer not UTF-8"),
        pytest.param(b"producer", b"", id="producer empty"),
        pytest.param(b"producer", b"a" * 101, id="producer too long"),
        # Postgres would refuse it, and with it the whole batch, again and again.
        pytest.param(b"producer", b"a\0b", id="producer with NUL"),
    ],
)
def test_chunk_is_poisoned_when_a_field_is_damaged(field, value):
    with pytest.raises(PoisonedError):
        chunk_from_fields(FIELDS | {field: value})


@pytest.mark.parametrize("field", FIELDS)
def test_chunk_is_poisoned_when_a_field_is_missing(field):
    with pytest.raises(PoisonedError):
        chunk_from_fields({name: FIELDS[name] for name in FIELDS if name != field})


def test_memory_is_bounded_when_a_payload_unpacks_to_more_than_a_chunk():
    bomb = zlib.compress(b"\0" * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(PoisonedError):
            chunk_from_fields(FIELDS | {b"payload": bomb})
        assert tracemalloc.get_traced_memory()[1] < 4 * CHUNK_BYTES
    finally:
        tracemalloc.stop()
