"""Every failure drill, shortened: what clients saw is what was counted."""

import sys
from collections.abc import Iterator

import pytest

from lab.drills.catalogue import DRILLS
from lab.drills.drill import Drill
from lab.drills.hop.running_hop import RunningHop, running_hop
from lab.drills.run_drill import DrillSettings, run_drill
from lab.servers import LabServers, lab_servers

HOP = (sys.executable, "-m", "cli.main")
# What lasts in some drills lasts shorter here; `hop chaos` runs them in full length.
SHORT_S = {"two-workers": 0.3, "everything": 6.0}
OUTAGE_S = 2.0
RATES = {"journal-full": 2_000}  # more than can be answered: memory is to be full soon


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
        # On servers of its own: two hops on one database would have one admin key between them.
        with lab_servers() as own, running_hop(own, HOP, drill.name, dict(drill.settings)) as hop:
            found = run_drill(hop, drill, settings, print)
    else:
        found = run_drill(request.getfixturevalue("shared_hop"), drill, settings, print)
    assert found.faults == ()
