"""hop keygen clock."""

import click

from lab.report.report_files import as_json
from lab.report.tables import Table
from lab.strategies.clock_steps import run_cases


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print JSON instead of a table.")
def clock(*, json_: bool) -> None:
    """Step the clock back under snowflakes, beside naive ones that believe it.

    Clocks are simulated, so this takes no time, and nothing on this machine is changed. A naive
    snowflake repeats the ids of the time that it lives through again. hop's leases a worker id for
    an interval of its own clock's time: it waits for a small step to pass, takes another worker id
    after a large one, and refuses to make codes when no worker id is left.

    Ends with status 1 if hop's snowflake made a duplicate.
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
