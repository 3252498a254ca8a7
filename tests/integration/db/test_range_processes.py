"""Processes killed at random: no code comes twice, and no id is lost without a trace."""

from bench.parts.key_ranges import run

# `python -m bench.parts.key_ranges` does the same with 16 processes and a million codes.
CODES, PROCESSES, KILLS = 400_000, 8, 12


def test_no_code_comes_twice_and_every_wasted_id_is_known_when_processes_are_killed(
    database_url, tmp_path
):
    outcome = run(database_url, tmp_path, codes=CODES, processes=PROCESSES, kills=KILLS)
    assert outcome.codes == CODES
    assert outcome.duplicates == 0
    assert outcome.unaccounted == 0
    assert outcome.wasted > 0
    assert outcome.kills > 0
