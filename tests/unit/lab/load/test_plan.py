"""What a load test sends: proportions, arrivals, Zipf's law."""

import itertools
import random
import statistics

import pytest

from lab.load.generator.arrivals import arrival_times
from lab.load.generator.zipf import ZipfRanks
from lab.load.plan import PROFILES, LoadPlan, user_weights


@pytest.mark.parametrize("reads_per_write", [10, 100])
def test_regional_has_one_author_per_reads_per_write(reads_per_write: int):
    assert user_weights("regional", reads_per_write) == {"Visitor": reads_per_write, "Author": 1}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("reads_per_write", [1, 10, 33, 100])
def test_rate_counts_only_redirects_in_every_profile(profile: str, reads_per_write: int):
    plan = LoadPlan(profile=profile, rate=1_200, reads_per_write=reads_per_write)
    per_s = {
        name: weight * plan.arrivals_per_user
        for name, weight in user_weights(profile, reads_per_write).items()
    }
    redirects = sum(per_s.get(name, 0) for name in ("Visitor", "Crowd", "FirstVisitor"))
    assert redirects == pytest.approx(1_200)
    assert plan.requests_per_s == pytest.approx(sum(per_s.values()))
    if "Author" in per_s:
        assert per_s["Author"] == pytest.approx(1_200 / reads_per_write)


def test_cold_has_a_link_for_each_request():
    plan = LoadPlan(profile="cold", rate=100, duration_s=50, warm_up_s=10)
    assert plan.hot_links == 0
    assert 6_000 < plan.cold_links < 6_500
    assert LoadPlan(profile="regional").cold_links == 0


@pytest.mark.parametrize(("spacing", "spread"), [("even", 0), ("poisson", 0.01)])
def test_arrivals_keep_the_rate_and_their_spacing(spacing: str, spread: float):
    times = arrival_times(5.0, 100, spacing, random.Random(1))
    due = list(itertools.islice(times, 20_000))
    gaps = [later - earlier for earlier, later in itertools.pairwise(due)]
    assert due[0] >= 5.0
    assert statistics.fmean(gaps) == pytest.approx(0.01, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(spread, abs=0.0005)


def test_busiest_fifth_gets_84_percent_when_the_exponent_is_one():
    ranks, chance = ZipfRanks(10_000, 1.0), random.Random(1)
    drawn = [ranks.draw(chance) for _ in range(50_000)]
    assert sum(rank < 2_000 for rank in drawn) / len(drawn) == pytest.approx(0.84, abs=0.01)
    first, second = drawn.count(0), drawn.count(1)
    assert first / second == pytest.approx(2, rel=0.1)


def test_draw_stays_in_range_at_the_ends_of_random():
    class Fixed(random.Random):
        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

        def random(self) -> float:
            return self.value

    ranks = ZipfRanks(3, 0.0)
    assert [ranks.draw(Fixed(value)) for value in (0.0, 0.5, 1 - 2**-53, 1.0)] == [0, 1, 2, 2]
