"""The command `hop` and the list of its commands."""

from importlib import import_module

import click

# Imported only when called: `hop shorten` starts quickly, and `hop serve` runs where the packages
# of the demo are not installed.
COMMANDS = {
    "demo": "cli.demo.command:demo",
    "serve": "cli.server.serve:serve",
    "worker": "cli.server.worker:worker",
    "migrate": "cli.server.migrate:migrate",
    "doctor": "cli.server.doctor:doctor",
    "bench": "bench.__main__:bench",
    "estimate": "cli.estimate:estimate",
    "keygen": "cli.keygen.command:keygen",
    "load": "cli.load.command:load",
    "chaos": "cli.chaos:chaos",
    "shorten": "cli.client:shorten",
    "stats": "cli.client:stats",
    "explain": "cli.client:explain",
}


class LazyGroup(click.Group):
    """A group that imports a command by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or a stand-in if one of its packages is missing; None if unknown."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        try:
            command: click.Command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            return _stand_in(cmd_name, str(error.name))
        return command


def _stand_in(name: str, package: str) -> click.Command:
    """A command that says which package it needs; a server has none of the demo's packages."""
    reason = f"Needs the package {package}. Try: pip install 'hop[demo,load]'"

    @click.command(
        name,
        help=reason,
        short_help=reason,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def refuse() -> None:
        raise click.ClickException(reason)

    return refuse


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(package_name="hop", prog_name="hop")
def main() -> None:
    """hop: a reference URL shortener.

    `hop demo` runs everything on this machine, databases included. `hop serve`, `hop worker` and
    `hop migrate` run the parts on your own servers; they read HOP_DATABASE_URL, HOP_REDIS_URL and
    the other settings in docs/settings.md.
    """


if __name__ == "__main__":
    main()
