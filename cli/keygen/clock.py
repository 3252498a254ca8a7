"""hop keygen clock."""

from pathlib import Path

import click

from cli.keygen.run import run_experiment
from cli.options import json_option, report_option
from lab import experiments
from lab.experiments import Options


@click.command()
@report_option
@json_option
def clock(*, report: Path | None, json_: bool) -> None:
    """Set the clock back while snowflakes make codes.

    Compares hop's snowflake with a naive one. Clocks are simulated: this takes no time and changes
    nothing on this machine. A naive snowflake repeats the ids of the repeated time. hop's leases a
    worker id for an interval of its clock: it waits out a small step, takes another worker id after
    a large one, and refuses to make codes when no worker id is left.

    Exits with status 1 if hop's snowflake makes a duplicate.
    """
    run_experiment(experiments.clock, Options(), report, json_=json_)
