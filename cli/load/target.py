"""Which hop `hop load` may load, and what is known of it."""

import ipaddress
import os
from typing import Any
from urllib.parse import urlsplit

import click
import urllib3

from cli.demo.file import read_demo_file

_TIMEOUT = urllib3.Timeout(connect=2, read=5)


class CannotMeasureError(click.ClickException):
    """There is nothing to judge, which must not look like a FAIL (exit status 1)."""

    exit_code = 2


def check_target(hop_url: str, *, allow_remote: bool) -> str:
    """The address without a slash at the end, if something answers there.

    Raises:
        click.UsageError: another machine, and nobody said that it may be loaded.
        CannotMeasureError: nothing answers.
    """
    hop_url = hop_url.rstrip("/")
    host = urlsplit(hop_url).hostname or ""
    if not allow_remote and not _is_loopback(host):
        raise click.UsageError(
            f"{host} is not this machine. A load test can take a service down: add --allow-remote"
            " if it is yours to load."
        )
    try:
        urllib3.request("GET", f"{hop_url}/healthz", timeout=_TIMEOUT, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise CannotMeasureError(
            f"no hop answers at {hop_url} ({type(error).__name__}). Is it running? `make demo`"
            " starts one; HOP_URL says where to look."
        ) from error
    return hop_url


def find_demo(hop_url: str) -> dict[str, Any] | None:
    """demo.json, if the target is the demo whose data lie here."""
    demo = read_demo_file()
    return demo if demo is not None and demo["url"] == hop_url else None


def find_key(demo: dict[str, Any] | None) -> str | None:
    """The admin key, if it is known."""
    return os.environ.get("HOP_API_KEY") or (str(demo["api_key"]) if demo else None)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
