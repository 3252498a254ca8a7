"""app.clicks.address: one client has one address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clicks.address import canonical_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:50001", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::FFFF:203.0.113.7]:80", "203.0.113.7"),
        ("", ""),
        ("unix:", "unix:"),
        ("203.0.113.7:x", "203.0.113.7:x"),
    ],
)
def test_address_has_one_form_however_it_is_written(text, address):
    assert canonical_address(text) == address


@given(st.ip_addresses(), st.integers(0, 65_535))
def test_port_and_brackets_change_no_address(address, port):
    host = f"[{address}]" if address.version == 6 else str(address)
    assert canonical_address(f"{host}:{port}") == canonical_address(str(address))


@given(st.text(max_size=30))
def test_any_text_has_a_form_that_is_its_own(text):
    assert canonical_address(canonical_address(text)) == canonical_address(text)
