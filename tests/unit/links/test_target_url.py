"""app.links.target_url: what may be shortened, and its normal form."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidTargetError
from app.links.target_url import normalise_url

OWN_HOSTS = {"sho.rt", "localhost:8000"}


def normal(text: str, max_bytes: int = 2048, own_hosts=OWN_HOSTS) -> str:
    return normalise_url(text, max_bytes=max_bytes, own_hosts=own_hosts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.com", "https://example.com/"),
        ("  https://example.com/ ", "https://example.com/"),
        ("HTTPS://Example.COM/Path", "https://example.com/Path"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://exa\N{SOFT HYPHEN}mple.com/", "https://example.com/"),
        ("http://example.com:80/", "http://example.com/"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://example.com/a/./b/../c", "https://example.com/a/c"),
        ("https://example.com/a/%2e%2e/c", "https://example.com/c"),
        (r"http:\\example.com\a\..\b", "http://example.com/b"),
        ("https://example.com/a b?c d=ü#e f", "https://example.com/a%20b?c%20d=%C3%BC#e%20f"),
        ("https://example.com/?q=%zz&next=//x", "https://example.com/?q=%zz&next=//x"),
        ("http://0x7f.1/", "http://127.0.0.1/"),  # port 80 is not where this hop is
        ("https://sho.rt.example/", "https://sho.rt.example/"),
        ("https://nosho.rt/", "https://nosho.rt/"),
        ("https://sho.rt:8443/", "https://sho.rt:8443/"),
        ("https://example.com/?u=https://sho.rt/", "https://example.com/?u=https://sho.rt/"),
    ],
)
def test_target_gets_its_normal_form_when_it_is_allowed(text, expected):
    assert normal(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Give the URL"),
        ("   ", "Give the URL"),
        ("ftp://example.com/", "Only http"),
        ("javascript:alert(1)", "Only http"),
        ("data:text/html,<h1>x</h1>", "Only http"),
        ("file:///etc/passwd", "Only http"),
        ("mailto:a@example.com", "Only http"),
        ("https://user@example.com/", "user name or password"),
        ("https://:secret@example.com/", "user name or password"),
        ("https://example.com@evil.example/", "user name or password"),
        ("https://example.com/a\tb", "control character"),
        ("java\nscript:alert(1)", "control character"),
        ("https://example.com/\r\nSet-Cookie: a=b", "control character"),
        ("https://example.com/\0", "control character"),
        ("https://example.com/\x7f", "control character"),
        ("https://example.com/\x85", "control character"),
        ("\thttps://example.com/", "control character"),
        ("example.com/path", "forget https://"),
        ("//example.com/", "forget https://"),
        ("https://", "not a valid URL"),
        ("https://exa mple.com/", "not a valid URL"),
        ("https://example.com:99999/", "not a valid URL"),
        ("https://1.2.3.400/", "not a valid URL"),
        ("https://example.com/\ud800", "not a valid URL"),
    ],
)
def test_target_is_refused_with_a_reason_when_it_is_not_allowed(text, reason):
    with pytest.raises(InvalidTargetError, match=reason) as raised:
        normal(text)
    assert raised.value.field == "url"


def test_hint_is_left_out_when_there_is_a_scheme():
    with pytest.raises(InvalidTargetError) as raised:
        normal("https://exa mple.com/")
    assert "forget" not in raised.value.detail


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://example.com/" + "a" * 45, "It is longer than 64 bytes"),
        # Counted in bytes, and before the dots are folded.
        ("https://example.com/" + "ü" * 23, "It is longer than 64 bytes"),
        ("https://example.com/" + "a/../" * 10, "It is longer than 64 bytes"),
        # 21 times 2 bytes as typed, 6 as written in a Location header.
        ("https://example.com/" + "ü" * 21, "In normal form it is longer than 64 bytes"),
    ],
)
def test_target_is_refused_when_it_is_too_long_as_typed_or_in_normal_form(text, reason):
    with pytest.raises(InvalidTargetError, match=reason):
        normal(text, max_bytes=64)


def test_target_is_allowed_when_it_is_just_short_enough():
    text = "https://example.com/" + "a" * 44
    assert normal(text, max_bytes=64) == text


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("https://sho.rt/abc", "sho.rt"),
        ("https://SHO.rt/", "sho.rt"),
        ("https://sho.rt/", "Sho.RT"),
        ("https://sho.rt./", "sho.rt"),
        ("http://sho.rt/", "sho.rt:443"),
        ("https://sho.rt/", "sho.rt:80"),
        ("http://sho.rt:443/", "sho.rt"),
        ("https://sho.rt:8443/", "sho.rt:8443"),
        ("https://sho\N{IDEOGRAPHIC FULL STOP}rt/", "sho.rt"),
        ("http://localhost:8000/", "127.0.0.1:8000"),
        ("http://127.0.0.1:8000/", "localhost:8000"),
        ("http://LOCALHOST.:8000/", "localhost:8000"),
        ("http://[::1]:8000/", "localhost:8000"),
        ("http://[0:0:0:0:0:0:0:1]:8000/", "localhost:8000"),
        ("http://localhost:8000/", "[::1]:8000"),
        ("http://127.1:8000/", "localhost:8000"),
        ("http://0177.0.0.1:8000/", "localhost:8000"),
        ("http://0x7f000001:8000/", "localhost:8000"),
        ("http://2130706433:8000/", "localhost:8000"),
        ("http://%31%32%37.0.0.1:8000/", "localhost:8000"),
        ("http://\N{FULLWIDTH DIGIT ONE}27.0.0.1:8000/", "localhost:8000"),
        ("http://127.0.0.2:8000/", "localhost:8000"),
        ("http://hop.localhost:8000/", "localhost:8000"),
        ("http://0.0.0.0:8000/", "localhost:8000"),
        ("http://[::]:8000/", "localhost:8000"),
        ("http://[::ffff:127.0.0.1]:8000/", "localhost:8000"),
        ("https://bücher.example/", "bücher.example"),
        ("http://hop_web:8102/", "hop_web:8102"),
        ("http://ip6-localhost:8000/", "127.0.0.1:8000"),
        (f"http://{socket.gethostname()}.:8000/", "localhost:8000"),
    ],
)
def test_target_is_refused_when_it_leads_back_here(text, own):
    with pytest.raises(InvalidTargetError, match="this shortener itself"):
        normal(text, own_hosts={"other.example", own})


printable = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=60)
hosts = st.sampled_from(["example.com", "BÜCHER.example.", "1.2.3.4", "[2001:DB8::1]", "a_b.c:99"])


@given(hosts, printable)
def test_normal_form_is_plain_and_its_own_normal_form_when_anything_follows_the_host(host, rest):
    found = normal(f"https://{host}/{rest}", max_bytes=65_536)
    assert found.isascii()
    assert found.isprintable()
    assert " " not in found
    assert normal(found, max_bytes=65_536) == found


@given(printable)
def test_any_text_is_a_target_or_refused_when_typed_in(text):
    try:
        found = normal(text)
    except InvalidTargetError:
        return
    assert normal(found) == found
