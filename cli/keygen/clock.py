"""hop keygen clock."""

import click

from cli.options import json_option
from lab.report.report_files import as_json
from lab.report.tables import Table
from lab.strategies.clock_steps import run_cases


@click.command()
@json_option
def clock(*, json_: bool) -> None:
    """Set the clock back while snowflakes make codes.

    Compares hop's snowflake with a naive one. Clocks are simulated: this takes no time and changes
    nothing on this machine. A naive snowflake repeats the ids of the repeated time. hop's leases a
    worker id for an interval of its clock: it waits out a small step, takes another worker id after
    a large one, and refuses to make codes when no worker id is left.

    Exits with status 1 if hop's snowflake makes a duplicate.
    """
    found = run_cases()
    if json_:
        click.echo(as_json(found), nl=False)
    else:
        rows = [
            (
                each.case,
                each.naive_codes,
                each.naive_duplicates,
                each.codes,
                each.duplicates,
                each.did,
            )
            for each in found
        ]
        columns = [
            "the clock steps",
            "naive codes",
            "duplicates",
            "hop's",
            "duplicates",
            "what hop's did",
        ]
        click.echo(Table(columns, rows).as_text())
    if any(each.duplicates for each in found):
        raise click.ClickException("a snowflake was made twice")
