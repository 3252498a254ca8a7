"""All races, in the order in which they are listed and run."""

from typing import Final

from lab.races.cases import (
    block_read_back,
    block_version,
    check_then_insert,
    counter,
    nullable_unique,
    pool_claim,
    redis_ranges,
)

RACES: Final = {
    race.name: race
    for race in (
        counter.RACE,
        check_then_insert.RACE,
        pool_claim.RACE,
        nullable_unique.RACE,
        *block_version.RACES,
        block_read_back.RACE,
        redis_ranges.RACE,
    )
}
