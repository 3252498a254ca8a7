"""hop shorten, hop stats, hop explain: a client of a running hop."""

import json
import os
from typing import Any
from urllib.parse import quote

import click
import urllib3

from cli.demo.file import demo_file, read_demo_file

TIMEOUT = urllib3.Timeout(connect=2, read=10)

url_option = click.option(
    "--hop-url",
    envvar="HOP_URL",
    default="http://127.0.0.1:8000",
    show_default=True,
    show_envvar=True,
    help="Where hop runs.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


@click.command()
@click.argument("url")
@click.option("--alias", help="The code wished for: 3 to 64 letters, digits, - and _.")
@click.option("--ttl", type=click.IntRange(min=1), help="Seconds until the link expires.")
@url_option
@json_option
def shorten(url: str, alias: str | None, ttl: int | None, hop_url: str, *, as_json: bool) -> None:
    """Make a short link for URL and print it."""
    wished = {"url": url, "alias": alias, "ttl": ttl}
    body = {name: value for name, value in wished.items() if value is not None}
    made = _ask("POST", f"{hop_url.rstrip('/')}/shorten", body=body)
    click.echo(json.dumps(made) if as_json else made["short_url"])


@click.command()
@click.argument("code")
@url_option
@json_option
def stats(code: str, hop_url: str, *, as_json: bool) -> None:
    """Show how often the link CODE was used.

    Needs the admin key: from the variable HOP_API_KEY, or the one that a `hop demo` in this folder
    has written to .hop/demo.json.
    """
    counted = _ask_about(code, "stats", hop_url)
    if as_json:
        click.echo(json.dumps(counted))
        return
    click.echo(f"{counted['code']}  {counted['clicks']:,} clicks")
    click.echo(f"  by people        {counted['clicks'] - counted['bots']:,}")
    click.echo(f"  by bots          {counted['bots']:,}")
    click.echo(f"  unique visitors  {counted['unique_visitors']:,}")
    _show_days(counted["days"])
    for dimension, values in counted["dimensions"].items():
        shown = ", ".join(f"{each['value']} {each['clicks']:,}" for each in values[:5])
        click.echo(f"  {dimension:<16} {shown}")


@click.command()
@click.argument("code")
@url_option
@json_option
def explain(code: str, hop_url: str, *, as_json: bool) -> None:
    """Show which tier would answer a redirect of CODE, and what each tier knows.

    Each tier is asked, also behind the one that answers, so that differences show. One web process
    answers, and it shows its own memory; ask again to meet another. Nothing is counted or cached.

    Needs the admin key, as `hop stats` does. On a redirect itself, the admin key brings the same as
    a Server-Timing header: curl -sI -H "Authorization: Bearer $HOP_API_KEY" .../CODE
    """
    found = _ask_about(code, "explain", hop_url)
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(f"{code}  answered by {found['answered_by']}, in web process {found['process']}\n")
    click.echo(
        f"  {'tier':<10}{'outcome':<10}{'took':>10}{'age':>10}{'ends in':>11}  version, target"
    )
    for step in found["steps"]:
        age, end = (_seconds(step.get(name)) for name in ("age_s", "ends_in_s"))
        known = [str(step[name]) for name in ("version", "target_url") if name in step]
        click.echo(
            f"  {step['tier']:<10}{step['outcome']:<10}{step['took_ms']:>7.3f} ms{age:>10}{end:>11}"
            f"  {', '.join(known)}".rstrip()
        )


def _seconds(span: float | None) -> str:
    return "" if span is None else f"{span:,.1f} s"


def _show_days(days: list[dict[str, Any]]) -> None:
    most = max((day["clicks"] for day in days), default=0)
    for day in days[-7:]:
        bar = "█" * max(1, round(30 * day["clicks"] / most))
        click.echo(f"  {day['day']}       {bar} {day['clicks']:,}")


def _ask_about(code: str, question: str, hop_url: str) -> dict[str, Any]:
    """Ask the API about a link, with the admin key that is at hand."""
    key = os.environ.get("HOP_API_KEY") or _key_of_demo(hop_url)
    path = f"api/v1/links/{quote(code, safe='')}/{question}"
    return _ask("GET", f"{hop_url.rstrip('/')}/{path}", key=key)


def _ask(
    method: str, url: str, *, body: dict[str, Any] | None = None, key: str | None = None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = urllib3.request(
            method, url, json=body, headers=headers, timeout=TIMEOUT, retries=False, redirect=False
        )
        found: dict[str, Any] = answer.json()
    except urllib3.exceptions.HTTPError as error:
        raise click.ClickException(
            f"no hop answers at {url} ({type(error).__name__}). Is it running? `make demo` starts"
            " one; HOP_URL says where to look."
        ) from error
    except ValueError as error:
        raise click.ClickException(f"what answers at {url} is not hop") from error
    if answer.status >= 400:
        _fail(found)
    return found


def _fail(problem: dict[str, Any]) -> None:
    detail = problem.get("detail", "")
    raise click.ClickException(f"{problem.get('title', 'refused')}. {detail}".strip())


def _key_of_demo(hop_url: str) -> str | None:
    """The admin key of a demo whose data lie here, if it is the hop that is asked."""
    demo = read_demo_file()
    if demo is None:
        return None
    if demo["url"] != hop_url.rstrip("/"):
        click.echo(f"note: {demo_file()} is of the hop at {demo['url']}", err=True)
        return None
    return str(demo["api_key"])
