"""app.alias: which words may be chosen."""

from types import SimpleNamespace
from typing import cast

import pytest

from app.alias import check_alias, is_code, is_reserved
from app.errors import InvalidAliasError
from app.factory import create_app
from app.resources import Resources
from app.settings import Settings

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("alias", ["abc", "a" * 64, "A-z_09", "---", "0123456", "apis", "api2"])
def test_alias_is_accepted_when_it_keeps_the_rules(alias):
    check_alias(alias)
    assert is_code(alias)


@pytest.mark.parametrize(
    "alias",
    ["", "ab", "a" * 65, "a b", "a.b", "a/b", "a%62c", "abc\n", " abc", "äbc", "abc\0", "\u0661bc"],
)
def test_alias_is_refused_when_it_breaks_a_rule(alias):
    with pytest.raises(InvalidAliasError, match="3 to 64 characters") as raised:
        check_alias(alias)
    assert raised.value.field == "alias"
    assert not is_code(alias)


@pytest.mark.parametrize("alias", ["api", "API", "Static", "healthz", "well-known"])
def test_alias_is_refused_when_hop_keeps_the_word(alias):
    with pytest.raises(InvalidAliasError, match="keeps the word"):
        check_alias(alias)
    assert is_reserved(alias)


def test_alias_cannot_hide_a_route_when_it_is_the_first_part_of_its_path():
    settings = Settings(database_url="postgresql://unused", redis_url="redis://unused")
    app = create_app(cast("Resources", SimpleNamespace(settings=settings)))
    segments = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
    assert {"api", "shorten", "static", "healthz", "<code>"} <= segments
    for segment in segments:
        with pytest.raises(InvalidAliasError):
            check_alias(segment)
