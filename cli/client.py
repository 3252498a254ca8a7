"""hop shorten, hop stats, hop explain: a client of a running hop."""

import json
import os
from typing import Any
from urllib.parse import quote

import click
import urllib3

from cli.demo.file import demo_file, read_demo_file
from cli.options import json_option

TIMEOUT = urllib3.Timeout(connect=2, read=10)

url_option = click.option(
    "--hop-url",
    envvar="HOP_URL",
    default="http://127.0.0.1:8000",
    show_envvar=True,
    help="Address of hop.",
)


@click.command()
@click.argument("url")
@click.option("--alias", help="Use this code: 3 to 64 letters, digits, - and _.")
@click.option("--ttl", type=click.IntRange(min=1), help="Seconds until the link expires.")
@url_option
@json_option
def shorten(url: str, alias: str | None, ttl: int | None, hop_url: str, *, json_: bool) -> None:
    """Create a short link to URL and print it."""
    fields = {"url": url, "alias": alias, "ttl": ttl}
    body = {name: value for name, value in fields.items() if value is not None}
    link = _request("POST", f"{hop_url.rstrip('/')}/shorten", body=body)
    click.echo(json.dumps(link) if json_ else link["short_url"])


@click.command()
@click.argument("code")
@url_option
@json_option
def stats(code: str, hop_url: str, *, json_: bool) -> None:
    """Show the clicks of the link CODE.

    Needs the admin key: HOP_API_KEY, or that of a `hop demo` in this folder (.hop/demo.json).
    """
    counts = _get_of_link(code, "stats", hop_url)
    if json_:
        click.echo(json.dumps(counts))
        return
    click.echo(f"{counts['code']}  {counts['clicks']:,} clicks")
    click.echo(f"  by people        {counts['clicks'] - counts['bots']:,}")
    click.echo(f"  by bots          {counts['bots']:,}")
    click.echo(f"  unique visitors  {counts['unique_visitors']:,}")
    _show_days(counts["days"])
    for dimension, values in counts["dimensions"].items():
        shown = ", ".join(f"{each['value']} {each['clicks']:,}" for each in values[:5])
        click.echo(f"  {dimension:<16} {shown}")


@click.command()
@click.argument("code")
@url_option
@json_option
def explain(code: str, hop_url: str, *, json_: bool) -> None:
    """Show what each tier knows of CODE and which one answers.

    Asks every tier, not only the first one that knows the code, so that differences show. The
    memory is that of the web process that answers; repeat the command to reach another one.
    Nothing is counted or cached.

    Needs the admin key: HOP_API_KEY, or that of a `hop demo` in this folder (.hop/demo.json).
    """
    explained = _get_of_link(code, "explain", hop_url)
    if json_:
        click.echo(json.dumps(explained))
        return
    click.echo(
        f"{code}  answered by {explained['answered_by']}, in web process {explained['process']}\n"
    )
    click.echo(
        f"  {'tier':<10}{'outcome':<10}{'took':>10}{'age':>10}{'ends in':>11}  version, target"
    )
    for step in explained["steps"]:
        age, end = (_seconds(step.get(name)) for name in ("age_s", "ends_in_s"))
        known = [str(step[name]) for name in ("version", "target_url") if name in step]
        click.echo(
            f"  {step['tier']:<10}{step['outcome']:<10}{step['took_ms']:>7.3f} ms{age:>10}{end:>11}"
            f"  {', '.join(known)}".rstrip()
        )


def describe_no_answer(url: str, error: Exception) -> str:
    """An error message for an address at which nothing answers."""
    return (
        f"no hop answers at {url} ({type(error).__name__}). Is it running? Start one with"
        " `make demo`, or set HOP_URL."
    )


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.1f} s"


def _show_days(days: list[dict[str, Any]]) -> None:
    most = max((day["clicks"] for day in days), default=0)
    for day in days[-7:]:
        bar = "█" * max(1, round(30 * day["clicks"] / most))
        click.echo(f"  {day['day']}       {bar} {day['clicks']:,}")


def _get_of_link(code: str, resource: str, hop_url: str) -> dict[str, Any]:
    """GET a resource of a link from the API, with the admin key if one is known."""
    api_key = os.environ.get("HOP_API_KEY") or _demo_api_key(hop_url)
    path = f"api/v1/links/{quote(code, safe='')}/{resource}"
    return _request("GET", f"{hop_url.rstrip('/')}/{path}", api_key=api_key)


def _request(
    method: str, url: str, *, body: dict[str, Any] | None = None, api_key: str | None = None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        answer = urllib3.request(
            method, url, json=body, headers=headers, timeout=TIMEOUT, retries=False, redirect=False
        )
        content: dict[str, Any] = answer.json()
    except urllib3.exceptions.HTTPError as error:
        raise click.ClickException(describe_no_answer(url, error)) from error
    except ValueError as error:
        raise click.ClickException(f"the server at {url} is not hop") from error
    if answer.status >= 400:
        title, detail = content.get("title", "refused"), content.get("detail", "")
        raise click.ClickException(f"{title}. {detail}".strip())
    return content


def _demo_api_key(hop_url: str) -> str | None:
    """The admin key of the demo in this folder, if it runs at that address."""
    demo = read_demo_file()
    if demo is None:
        return None
    if demo["url"] != hop_url.rstrip("/"):
        click.echo(f"note: ignoring {demo_file()}, which is for {demo['url']}", err=True)
        return None
    return str(demo["api_key"])
