"""hop estimate."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import click

from cli.client import json_option
from lab.capacity.costs import DEFAULTS, Costs, MeasuredFileError, read_costs
from lab.capacity.numbers import parse_number, say_number
from lab.capacity.plan import plan_capacity
from lab.capacity.workload import SCALES, Part, Workload
from lab.report import report_files as report


class NumberType(click.ParamType[float]):
    """A number as people write it, within bounds."""

    name = "number"

    def __init__(self, above: float, most: float) -> None:
        self._above = above
        self._most = most

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it, or say what is wrong."""
        try:
            number = parse_number(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not self._above < number <= self._most:
            bounds = f"above {self._above:g}, at most {self._most:g}"
            self.fail(f"{value!r} is not {bounds}", param, ctx)
        return number


@click.command()
@click.option("--scale", type=click.Choice(list(SCALES)), help="Start from one of these.")
@click.option("--links-per-day", type=NumberType(0, 1e12), help="Such as 100M, 5k or 1_000.")
@click.option("--reads-per-write", type=NumberType(0, 1e9), help="Redirects for each new link.")
@click.option("--years", type=NumberType(0, 1_000), help="Of 365 days; no link is ever deleted.")
@click.option("--bytes", type=NumberType(0, 1e6), help="Of a link in the table.")
@click.option("--peak", type=NumberType(0, 1e6), help="Busiest second beside the mean.")
@click.option("--hit-rate", type=NumberType(0, 0.9999), help="Of the caches, such as 0.9.")
@click.option("--zipf", type=NumberType(0, 5), help="Exponent of popularity; 1 is usual.")
@click.option(
    "--measured",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="JSON of hop load or hop bench: what requests cost on your machine.",
)
@json_option
def estimate(
    *, scale: str | None, measured: Path | None, as_json: bool, **given: float | None
) -> None:
    """Plan the capacity: rates, storage, cache, bandwidth, codes, machines.

    Every result is printed with its formula and the numbers in it, to be worked out again by hand.
    What is not given is that of --scale, or else 100M links a day, 100 reads for each, 5 years,
    500 bytes, a peak of 3 times the mean, a hit rate of 0.9 and Zipf's law with exponent 1.

    \b
      team       10 million links in all, 10 reads for each
      regional   100 million links a month, 10 reads for each
      internet   100 million links a day, 100 reads for each, 100 bytes

    \b
    Examples:
      hop estimate --scale regional
      hop estimate --links-per-day 5k --reads-per-write 20 --years 3
      hop estimate --scale internet --measured .hop/bench/bench.json
    """  # noqa: D301 - click reads \b
    start = SCALES[scale] if scale else Workload(100e6)
    named = {name: value for name, value in given.items() if value is not None}
    load = dataclasses.replace(start, **named)
    try:
        costs = read_costs(measured) if measured else DEFAULTS
    except MeasuredFileError as error:
        raise click.ClickException(str(error)) from error
    parts = plan_capacity(load, costs)
    if as_json:
        told = {"workload": load, "costs": costs, "parts": parts}
        click.echo(report.as_json(told), nl=False)
    else:
        click.echo("\n".join(_describe(load, costs, parts)))


def _describe(load: Workload, costs: Costs, parts: Sequence[Part]) -> list[str]:
    asked = (
        f"{say_number(load.links_per_day)} links a day for {say_number(load.years)} years,"
        f" {load.bytes:g} bytes each; {say_number(load.reads_per_write)} reads for each; at the"
        f" peak {load.peak:g} times the mean; Zipf's law with exponent {load.zipf:g}"
    )
    lines = [asked]
    widest = max(len(figure.label) for part in parts for figure in part.figures)
    for part in parts:
        lines += ["", part.title]
        lines += [f"  {figure.label:<{widest}}  {figure.formula}" for figure in part.figures]
    return [*lines, "", f"Processor time of requests: {costs.source}."]
