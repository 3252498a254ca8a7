"""hop estimate."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import click

from cli.options import json_option
from lab.capacity.costs import DEFAULTS, Costs, MeasuredFileError, read_costs
from lab.capacity.numbers import parse_number, say_number
from lab.capacity.plan import plan_capacity
from lab.capacity.workload import SCALES, Part, Workload
from lab.report import report_files as report


class NumberType(click.ParamType[float]):
    """A number such as 100M or 5k, within bounds."""

    name = "number"

    def __init__(self, above: float, most: float) -> None:
        self._above = above
        self._most = most

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Parse the number, or fail with what was expected."""
        try:
            number = parse_number(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not self._above < number <= self._most:
            bounds = f"above {self._above:g}, at most {self._most:g}"
            self.fail(f"{value!r} is not {bounds}", param, ctx)
        return number


@click.command()
@click.option("--scale", type=click.Choice(list(SCALES)), help="Set the defaults, see above.")
@click.option(
    "--links-per-day",
    type=NumberType(0, 1e12),
    help="New links per day, such as 100M, 5k or 1_000.",
)
@click.option("--reads-per-write", type=NumberType(0, 1e9), help="Redirects per new link.")
@click.option("--years", type=NumberType(0, 1_000), help="Years of 365 days; no link is deleted.")
@click.option("--bytes", type=NumberType(0, 1e6), help="Bytes of a link in the table.")
@click.option("--peak", type=NumberType(0, 1e6), help="Busiest second divided by the mean.")
@click.option(
    "--hit-rate", type=NumberType(0, 0.9999), help="Share of redirects from a cache, such as 0.9."
)
@click.option("--zipf", type=NumberType(0, 5), help="Exponent of Zipf's law; 1 is usual.")
@click.option(
    "--measured",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Cost of requests: JSON written by hop load or hop bench.",
)
@json_option
def estimate(
    *, scale: str | None, measured: Path | None, json_: bool, **given: float | None
) -> None:
    """Plan capacity: rates, storage, cache, codes and machines.

    Prints every result with its formula and numbers, so that it can be checked by hand. Without
    --scale, the defaults are 100M links per day, 100 reads per link, 5 years, 500 bytes, a peak of
    3 times the mean, a hit rate of 0.9 and Zipf's law with exponent 1.

    \b
      team       10 million links in all, 10 reads per link
      regional   100 million links per month, 10 reads per link
      internet   100 million links per day, 100 reads per link, 100 bytes

    \b
    Examples:
      hop estimate --scale regional
      hop estimate --links-per-day 5k --reads-per-write 20 --years 3
      hop estimate --scale internet --measured .hop/bench/bench.json
    """
    start = SCALES[scale] if scale else Workload(100e6)
    changes = {name: value for name, value in given.items() if value is not None}
    load = dataclasses.replace(start, **changes)
    try:
        costs = read_costs(measured) if measured else DEFAULTS
    except MeasuredFileError as error:
        raise click.ClickException(str(error)) from error
    parts = plan_capacity(load, costs)
    if json_:
        plan = {"workload": load, "costs": costs, "parts": parts}
        click.echo(report.as_json(plan), nl=False)
    else:
        click.echo("\n".join(_describe(load, costs, parts)))


def _describe(load: Workload, costs: Costs, parts: Sequence[Part]) -> list[str]:
    workload = (
        f"{say_number(load.links_per_day)} links per day for {say_number(load.years)} years,"
        f" {load.bytes:g} bytes each; {say_number(load.reads_per_write)} reads per link; a peak of"
        f" {load.peak:g} times the mean; Zipf's law with exponent {load.zipf:g}"
    )
    lines = [workload]
    widest = max(len(figure.label) for part in parts for figure in part.figures)
    for part in parts:
        lines += ["", part.title]
        lines += [f"  {figure.label:<{widest}}  {figure.formula}" for figure in part.figures]
    return [*lines, "", f"CPU time of requests: {costs.source}."]
