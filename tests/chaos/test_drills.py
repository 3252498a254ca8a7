"""Every failure drill, shortened: hop counts what clients saw."""

import sys
from collections.abc import Iterator

import pytest

from lab.drills.catalogue import DRILLS
from lab.drills.drill import Drill
from lab.drills.hop.running_hop import RunningHop, running_hop
from lab.drills.run_drill import DrillSettings, run_drill
from lab.servers import LabServers, lab_servers

HOP = (sys.executable, "-m", "cli.main")
# Shorter than the drills' own durations, which `hop chaos` uses.
SHORT_S = {"two-workers": 0.3, "everything": 6.0}
OUTAGE_S = 2.0
RATES = {"journal-full": 2_000}  # more than hop can answer, to fill its memory soon


@pytest.fixture(scope="module")
def servers() -> Iterator[LabServers]:
    with lab_servers() as running:
        yield running


@pytest.fixture(scope="module")
def shared_hop(servers: LabServers) -> Iterator[RunningHop]:
    with running_hop(servers, HOP, "shared") as running:
        yield running


@pytest.mark.parametrize("drill", DRILLS.values(), ids=lambda drill: drill.name)
def test_answered_redirects_are_counted_once_when(drill: Drill, request: pytest.FixtureRequest):
    settings = DrillSettings(
        rate=RATES.get(drill.name, 300),
        calm_s=0.5,
        duration_s=SHORT_S.get(drill.name, OUTAGE_S),
        seed=1,
    )
    if drill.settings:
        # On its own servers: two hops on one database would share the admin's API key.
        with lab_servers() as own, running_hop(own, HOP, drill.name, dict(drill.settings)) as hop:
            found = run_drill(hop, drill, settings, print)
    else:
        found = run_drill(request.getfixturevalue("shared_hop"), drill, settings, print)
    assert found.faults == ()
