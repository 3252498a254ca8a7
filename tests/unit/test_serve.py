"""hop serve: what it refuses before it asks any server."""

import pytest
from click.testing import CliRunner

from cli.serve import serve

pytestmark = pytest.mark.unit

NEEDED = {"HOP_DATABASE_URL": "postgresql://db/hop", "HOP_REDIS_URL": "redis://cache"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_open_lab_is_refused_when_others_could_reach_it(host: str):
    result = CliRunner().invoke(serve, ["--host", host], env={**NEEDED, "HOP_LAB": "demo"})
    assert result.exit_code == 1
    assert "set HOP_LAB=admin or off" in result.output
