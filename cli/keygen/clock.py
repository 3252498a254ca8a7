"""hop keygen clock."""

from pathlib import Path

import click

from cli.keygen.run import run_experiment
from cli.report_option import report_option
from lab import experiments
from lab.experiments import Options


@click.command()
@report_option
@click.option("--json", "json_", is_flag=True, help="Print JSON instead of a table.")
def clock(*, report: Path | None, json_: bool) -> None:
    """Step the clock back under snowflakes, beside naive ones that believe it.

    Clocks are simulated, so this takes no time, and nothing on this machine is changed. A naive
    snowflake repeats the ids of the time that it lives through again. hop's leases a worker id for
    an interval of its own clock's time: it waits for a small step to pass, takes another worker id
    after a large one, and refuses to make codes when no worker id is left.

    Ends with status 1 if hop's snowflake made a duplicate.
    """
    run_experiment(experiments.clock, Options(), report, json_=json_)
