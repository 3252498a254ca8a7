"""hop keygen, and hop keygen inspect."""

from typing import get_args

import click
import msgspec

from app.links.code_origin import Origin, Traced, trace_code
from cli.keygen.clock import clock
from cli.keygen.collide import collide
from cli.keygen.compare import compare
from cli.keygen.crash import crash
from cli.keygen.races import races
from cli.options import json_option
from db.connect.pool import open_pool
from db.errors import DatabaseUnavailableError
from db.migrate import find_missing
from keygen.strategies import StrategyName


@click.group()
def keygen() -> None:
    """Experiments with the strategies that make codes.

    HOP_KEYGEN selects the strategy of `hop serve` and `hop demo`:

    \b
      counter    a database sequence; a round trip per code, easily guessed
      range      ranges of ids, no round trip; easily guessed
      permuted   ranges of ids, permuted by a secret key (the default)
      stride     eight sequences without coordination
      random     random, drawn again when taken
      hash       SHA-256 of the target, salted again when taken
      pool       drawn in advance into a table, claimed row by row
      snowflake  time, worker id and sequence; 11 characters
    """


for _command in (clock, collide, compare, crash, races):
    keygen.add_command(_command)


@keygen.command()
@click.argument("code")
@click.option(
    "--strategy",
    type=click.Choice(get_args(StrategyName)),
    help="Assume this strategy instead of the one in use when the link was created.",
)
@click.option(
    "--database-url",
    envvar="HOP_DATABASE_URL",
    default="",
    show_default=False,
    show_envvar=True,
    help="Postgres; see .hop/demo.json for that of a demo.",
)
@json_option
def inspect(code: str, strategy: StrategyName | None, database_url: str, *, json_: bool) -> None:
    """Show the origin of CODE: strategy, id and range.

    Shows the strategy that made the code, its id, the range of that id, the range's holder and when
    it was granted. Needs the database only; hop need not run. The permutation key in the database
    turns a permuted code back into its id. Random codes (random, pool) have no id. An alias usually
    has an id that was never granted; the output says so.

    \b
    Examples:
      hop keygen inspect 3xK9fQa
      hop keygen inspect 0000042 --strategy range
      hop keygen inspect 3xK9fQa --json | jq .traced.grant.holder
    """
    if not database_url.startswith(("postgresql://", "postgres://")):
        raise click.ClickException(
            "set HOP_DATABASE_URL to an address that starts with postgresql://. For a demo, see"
            " database_url in .hop/demo.json."
        )
    try:
        if find_missing(database_url):
            raise click.ClickException("the schema is not up to date. Run: hop migrate")
        with open_pool(database_url, name="hop-keygen", max_size=1) as pool:
            origin = trace_code(pool, code, strategy)
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"the database does not answer: {error}") from error
    click.echo(msgspec.json.encode(origin) if json_ else "\n".join(_describe(origin)))


def _describe(origin: Origin) -> list[str]:
    lines = [f"code      {origin.code}"]
    if origin.created_at is None:
        lines.append("link      none has this code")
    else:
        lines.append(f"link      {origin.target_url}, created {origin.created_at:%F %T} UTC")
    since = f", in use since {origin.in_use_since:%F %T} UTC" if origin.in_use_since else ""
    lines.append(f"strategy  {origin.strategy}{since}")
    if origin.traced is None:
        lines.append(f"          this code cannot be from it: {origin.mismatch}")
        if origin.created_at is not None:
            lines.append("          so it is an alias, or another strategy made it")
        return lines
    return lines + _describe_traced(origin.traced)


def _describe_traced(traced: Traced) -> list[str]:
    if traced.moment is not None:
        return [
            f"moment    {traced.moment:%F %T.%f} UTC",
            f"worker id {traced.worker}",
            f"sequence  {traced.sequence}",
        ]
    if traced.attempt is not None:
        return [f"attempt   {traced.attempt} with its target"]
    if traced.id is None:
        return ["id        none: random codes have no id"]
    lines = [f"id        {traced.id:,}"]
    if traced.grant is not None:
        start, stop = traced.grant.start_id, traced.grant.stop_id
        lines += [
            f"range     {start:,} to {stop - 1:,} ({stop - start:,} ids)",
            f"holder    {traced.grant.holder}",
            f"granted   {traced.grant.granted_at:%F %T} UTC",
        ]
    return lines
