"""HOP_KEYGEN and the range sizes: what cannot be is refused at start, with what can."""

from typing import get_args

import pytest

from app.settings import Settings, SettingsError
from keygen.strategies import StrategyName

ENVIRON = {"HOP_DATABASE_URL": "postgresql://", "HOP_REDIS_URL": "redis://"}


def refusal(**changes: str) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({**ENVIRON, **changes})
    return str(caught.value)


@pytest.mark.parametrize("name", get_args(StrategyName))
def test_each_strategy_can_be_chosen(name):
    assert Settings.from_env({**ENVIRON, "HOP_KEYGEN": name}).keygen == name


def test_the_permuted_strategy_is_the_default():
    assert Settings.from_env(ENVIRON).keygen == "permuted"


def test_an_unknown_strategy_is_refused_with_the_list_of_all():
    assert refusal(HOP_KEYGEN="uuid").endswith(
        "HOP_KEYGEN='uuid': expected one of counter, range, permuted, stride, random, hash, pool,"
        " snowflake"
    )


def test_an_unknown_number_is_refused_with_the_list_too():
    assert "HOP_REDIRECT_STATUS='303': expected one of 301, 302, 307, 308" in refusal(
        HOP_REDIRECT_STATUS="303"
    )


@pytest.mark.parametrize(
    ("size", "low", "high"), [("999", "1000", "1000000"), ("20000", "1000", "10000")]
)
def test_a_range_size_outside_its_bounds_is_refused_with_the_bounds(size, low, high):
    message = refusal(HOP_RANGE_SIZE=size, HOP_RANGE_SIZE_MIN=low, HOP_RANGE_SIZE_MAX=high)
    assert f"HOP_RANGE_SIZE={size}: expected a size from HOP_RANGE_SIZE_MIN={low}" in message
    assert f"HOP_RANGE_SIZE_MAX={high}" in message


def test_every_fault_is_named_at_once():
    message = refusal(
        HOP_KEYGEN="uuid", HOP_RANGE_SIZE="500", HOP_RANGE_SIZE_MAX="0", HOP_LOG_LEVEL="loud"
    )
    for name in ("HOP_KEYGEN", "HOP_RANGE_SIZE=500", "HOP_RANGE_SIZE_MAX='0'", "HOP_LOG_LEVEL"):
        assert name in message
