"""hop keygen: how codes are made."""

from typing import get_args

import click
import msgspec

from app.links.code_origin import Origin, Traced, trace_code
from cli.client import json_option
from cli.keygen.clock import clock
from cli.keygen.collide import collide
from cli.keygen.compare import compare
from cli.keygen.crash import crash
from cli.keygen.races import races
from db.connect.pool import open_pool
from db.errors import DatabaseUnavailableError
from db.migrate import find_missing
from keygen.strategies import StrategyName


@click.group()
def keygen() -> None:
    """How codes are made, and what they give away.

    HOP_KEYGEN chooses the strategy of `hop serve` and `hop demo`:

    \b
      counter    one database counter; a round trip per code, easily guessed
      range      blocks of ids, no round trip; easily guessed
      permuted   blocks of ids, shuffled by a secret key (the default)
      stride     eight counters that need not know of each other
      random     drawn by chance, drawn again when taken
      hash       SHA-256 of the target, salted again when taken
      pool       drawn beforehand into a table, claimed row by row
      snowflake  time, worker and sequence; 11 characters
    """  # noqa: D301 - click reads \b


for _command in (clock, collide, compare, crash, races):
    keygen.add_command(_command)


@keygen.command()
@click.argument("code")
@click.option(
    "--strategy",
    type=click.Choice(get_args(StrategyName)),
    help="Read CODE as made by this one, not by the one that was in use when its link was made.",
)
@click.option(
    "--database-url",
    envvar="HOP_DATABASE_URL",
    default="",
    show_envvar=True,
    help="Postgres; that of a running demo stands in .hop/demo.json.",
)
@json_option
def inspect(code: str, strategy: StrategyName | None, database_url: str, *, as_json: bool) -> None:
    """Tell where CODE comes from.

    Shows the strategy that made it, its id, the range from which that id was taken, who held the
    range and since when. Asks the database only; hop need not run. Of a permuted code it reads the
    id back with the database's secret key, which is what nobody else can do. Drawn codes (random,
    pool) carry no id. A code may also be an alias that someone has chosen: then it mostly has an
    id that nobody was given, and this says so.

    \b
    Examples:
      hop keygen inspect 3xK9fQa
      hop keygen inspect 0000042 --strategy range
      hop keygen inspect 3xK9fQa --json | jq .traced.grant.holder
    """  # noqa: D301 - click reads \b
    if not database_url.startswith(("postgresql://", "postgres://")):
        raise click.ClickException(
            "HOP_DATABASE_URL is not set to an address that starts with postgresql://. That of a"
            " running demo's database stands in .hop/demo.json, under database_url."
        )
    try:
        if find_missing(database_url):
            raise click.ClickException("the schema is not up to date. Run: hop migrate")
        with open_pool(database_url, name="hop-keygen", max_size=1) as pool:
            origin = trace_code(pool, code, strategy)
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"the database does not answer: {error}") from error
    click.echo(msgspec.json.encode(origin) if as_json else "\n".join(_describe(origin)))


def _describe(origin: Origin) -> list[str]:
    lines = [f"code      {origin.code}"]
    if origin.created_at is None:
        lines.append("link      none has this code")
    else:
        lines.append(f"link      {origin.target_url}, made {origin.created_at:%F %T} UTC")
    since = f", in use since {origin.in_use_since:%F %T} UTC" if origin.in_use_since else ""
    lines.append(f"strategy  {origin.strategy}{since}")
    if origin.traced is None:
        lines.append(f"          this code cannot be from it: {origin.mismatch}")
        if origin.created_at is not None:
            lines.append("          so it is an alias, or another strategy has made it")
        return lines
    return lines + _describe_traced(origin.traced)


def _describe_traced(traced: Traced) -> list[str]:
    if traced.moment is not None:
        return [
            f"moment    {traced.moment:%F %T.%f} UTC",
            f"worker    {traced.worker}",
            f"sequence  {traced.sequence}",
        ]
    if traced.attempt is not None:
        return [f"attempt   {traced.attempt} at its target"]
    if traced.id is None:
        return ["id        none: such a code tells nothing about its origin"]
    lines = [f"id        {traced.id:,}"]
    if traced.grant is not None:
        start, stop = traced.grant.start_id, traced.grant.stop_id
        lines += [
            f"range     {start:,} to {stop - 1:,} ({stop - start:,} ids)",
            f"holder    {traced.grant.holder}",
            f"granted   {traced.grant.granted_at:%F %T} UTC",
        ]
    return lines
