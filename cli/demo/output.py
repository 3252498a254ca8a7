"""The demo's output on the terminal."""

import os
import sys

import click

from cli.demo.supervisor import Program


def show_prefixed(program: Program, line: str) -> None:
    """Print a line of a program after the program's name, coloured on a terminal."""
    prefix = click.style(f"{program.name:<9}|", fg=program.colour)
    say(f"{prefix} {line}")


def say(text: str) -> None:
    """Print and flush; discard output once the reader is gone, as in `hop demo | head`."""
    try:
        click.echo(text, color=None if sys.stdout.isatty() else False)
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
