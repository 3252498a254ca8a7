"""Small things about processes that the demo and others need."""

import os
import sys

import click
import psutil

from cli.demo.supervisor import Program


def show_prefixed(program: Program, line: str) -> None:
    """Print a line with the program's name before it, in colour on a terminal."""
    prefix = click.style(f"{program.name:<9}|", fg=program.colour)
    say(f"{prefix} {line}")


def say(text: str) -> None:
    """Print at once. If whoever read our output is gone, as in `hop demo | head`, go on unheard."""
    try:
        click.echo(text, color=None if sys.stdout.isatty() else False)
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def web_workers(server_pid: int | None) -> list[int]:
    """The worker processes of a WSGI server, by process id, oldest first."""
    try:
        children = psutil.Process(server_pid).children() if server_pid else []
        return sorted(
            child.pid for child in children if "resource_tracker" not in " ".join(child.cmdline())
        )
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def this_python(*arguments: str) -> tuple[str, ...]:
    """A command line that runs `hop` with the same interpreter as this process."""
    return (sys.executable, "-m", "cli.main", *arguments)


def environ_with(**changes: str) -> dict[str, str]:
    """A copy of this process's environment with some variables set."""
    return {**os.environ, **changes}
