"""The experiments that the page offers: an entry in EXPERIMENTS is all that it takes to add one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from lab import experiments
from lab.experiments import Options, Result


@dataclass(frozen=True, slots=True)
class Experiment:
    """`run(options, directory, on_progress)` writes `directory`/NAME.html, .csv and .json.

    The page shows the first line of its docstring, and a field for each option with a title.
    """

    title: str
    run: Callable[..., Result]
    options: type[Options] = Options


EXPERIMENTS: Final = {
    "compare": Experiment("Compare strategies", experiments.compare, experiments.CompareOptions),
    "collide": Experiment("The birthday bound", experiments.collide, experiments.CollideOptions),
    "crash": Experiment("What a crash wastes", experiments.crash, experiments.CrashOptions),
    "races": Experiment("Classic faults", experiments.races, experiments.RacesOptions),
    "clock": Experiment("A clock that steps back", experiments.clock),
}


def list_fields(form: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema of each field with a title: type, default, bounds or choices."""
    schemas = msgspec.json.schema(form)["$defs"][form.__name__]["properties"]
    return {name: schema for name, schema in schemas.items() if "title" in schema}
