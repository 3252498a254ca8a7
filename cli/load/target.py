"""The hop to load: whether it may be loaded, and its admin key and processes."""

import ipaddress
import os
from typing import Any
from urllib.parse import urlsplit

import click
import urllib3

from cli.client import describe_no_answer
from cli.demo.file import read_demo_file

_TIMEOUT = urllib3.Timeout(connect=2, read=5)


class CannotMeasureError(click.ClickException):
    """There is nothing to judge. The status differs from 1, which means FAIL."""

    exit_code = 2


def check_target(hop_url: str, *, allow_remote: bool) -> str:
    """Returns the address without a final slash, if hop answers there.

    Raises:
        click.UsageError: it is another machine, and `allow_remote` is false.
        CannotMeasureError: nothing answers.
    """
    hop_url = hop_url.rstrip("/")
    host = urlsplit(hop_url).hostname or ""
    if not allow_remote and not _is_loopback(host):
        raise click.UsageError(
            f"{host} is not this machine. A load test can take a service down: add --allow-remote"
            " if you may load it."
        )
    try:
        urllib3.request("GET", f"{hop_url}/healthz", timeout=_TIMEOUT, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise CannotMeasureError(describe_no_answer(hop_url, error)) from error
    return hop_url


def find_demo(hop_url: str) -> dict[str, Any] | None:
    """demo.json, if the target is the demo in this folder."""
    demo = read_demo_file()
    return demo if demo is not None and demo["url"] == hop_url else None


def find_api_key(demo: dict[str, Any] | None) -> str | None:
    """The admin key, if known."""
    return os.environ.get("HOP_API_KEY") or (str(demo["api_key"]) if demo else None)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
