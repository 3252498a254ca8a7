"""The experiments on the page. To add one, add an entry to EXPERIMENTS."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from lab import experiments
from lab.experiments import Options, Result


@dataclass(frozen=True, slots=True)
class Experiment:
    """`run(options, directory, on_progress)` writes NAME.html, .csv and .json to `directory`.

    The page shows the first line of the function's docstring, and a form field for each option that
    has a title.
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
    """Return the JSON Schema (type, default, bounds, choices) of each field that has a title."""
    schemas = msgspec.json.schema(form)["$defs"][form.__name__]["properties"]
    return {name: schema for name, schema in schemas.items() if "title" in schema}
