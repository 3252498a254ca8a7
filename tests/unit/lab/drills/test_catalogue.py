"""docs/clicks.md describes every drill in the words of the catalogue."""

from pathlib import Path

import pytest

from lab.drills.catalogue import DRILLS
from lab.drills.drill import Drill

PAGE = Path(__file__).parents[4].joinpath("docs", "clicks.md").read_text(encoding="utf-8")
ROWS = {cells[1].strip(): cells for line in PAGE.splitlines() if len(cells := line.split("|")) == 5}


@pytest.mark.parametrize("drill", DRILLS.values(), ids=lambda drill: drill.name)
def test_page_has_what_a_drill_shows_and_its_duration(drill: Drill):
    _, _, damage, shows, _ = ROWS[f"`{drill.name}`"]
    assert shows.strip() == drill.shows
    assert drill.duration_s < 10 or f"{drill.duration_s:g} s" in damage
