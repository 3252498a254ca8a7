"""app.links.alias: which words may be chosen."""

from types import ModuleType

import pytest
from flask import Flask

from app import factory
from app.errors import InvalidAliasError
from app.links.alias import CODE, check_alias, is_reserved


@pytest.mark.parametrize("alias", ["abc", "a" * 64, "A-z_09", "---", "0123456", "apis", "api2"])
def test_alias_is_accepted_when_it_keeps_the_rules(alias):
    check_alias(alias)
    assert CODE.fullmatch(alias)


@pytest.mark.parametrize(
    "alias",
    ["", "ab", "a" * 65, "a b", "a.b", "a/b", "a%62c", "abc\n", " abc", "äbc", "abc\0", "\u0661bc"],
)
def test_alias_is_refused_when_it_breaks_a_rule(alias):
    with pytest.raises(InvalidAliasError, match="3 to 64 characters") as raised:
        check_alias(alias)
    assert raised.value.field == "alias"
    assert not CODE.fullmatch(alias)


@pytest.mark.parametrize("alias", ["api", "API", "Static", "healthz", "well-known"])
def test_alias_is_refused_when_hop_keeps_the_word(alias):
    with pytest.raises(InvalidAliasError, match="keeps the word"):
        check_alias(alias)
    assert is_reserved(alias)


def test_alias_cannot_hide_a_route_when_it_is_the_first_part_of_its_path():
    app = Flask("bare", static_folder=None)
    for module in vars(factory).values():  # whatever the real app is made of
        if isinstance(module, ModuleType) and hasattr(module, "blueprint"):
            app.register_blueprint(module.blueprint)
    segments = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
    assert {"api", "shorten", "static", "healthz"} <= segments
    for segment in segments:
        with pytest.raises(InvalidAliasError):
            check_alias(segment)
