"""The command that starts a WSGI server, and the settings that follow from its threads."""

import sys
from importlib.util import find_spec
from typing import Final, Literal

ServerName = Literal["gunicorn", "granian"]

# Python runs one thread at a time, but threads that wait for Postgres or Redis let others run, and
# waiting writers share an INSERT. granian hands requests to threads outside the interpreter, and
# stops idle ones after half a minute: it is fastest with a thread per concurrent request. gunicorn
# does that in Python, where more threads do not help.
THREADS: Final[dict[ServerName, int]] = {"gunicorn": 16, "granian": 32}
MAX_CONNECTIONS: Final = 8  # per web process: one writes, the others look up
GRACE_S: Final = 10


class ServerNotInstalledError(Exception):
    """The package of the WSGI server is missing; the message says how to install it."""


def server_command(
    server: ServerName, factory: str, host: str, port: int, workers: int
) -> list[str]:
    """The command line that starts a WSGI server.

    Args:
        server: the server's name.
        factory: "module:function" that returns the WSGI app; called once per web process.
        host: address to listen on.
        port: TCP port.
        workers: number of web processes.

    Raises:
        ServerNotInstalledError: granian is missing.
    """
    if server == "granian":
        if find_spec("granian") is None:
            raise ServerNotInstalledError("granian is not installed. Try: pip install 'hop[fast]'")
        numbers = (port, workers, THREADS[server], GRACE_S)
        arguments = ["app.server.granian", factory, host, *map(str, numbers)]
    else:
        address = f"[{host}]" if ":" in host else host
        arguments = [
            *("gunicorn", f"{factory}()", "--bind", f"{address}:{port}"),
            *("--worker-class", "gthread", "--workers", str(workers)),
            *("--threads", str(THREADS[server]), "--graceful-timeout", str(GRACE_S)),
            *("--keep-alive", "5", "--log-level", "warning", "--no-control-socket"),
            # Only HOP_TRUSTED_PROXIES decides about forwarded headers, under every server.
            "--forwarded-allow-ips=",
        ]
    return [sys.executable, "-m", *arguments]


def database_limits(threads: int) -> dict[str, str]:
    """Settings that keep an eighth of a web process's threads free while Postgres is slow.

    Args:
        threads: of the web process, at least 4.
    """
    return {
        "HOP_DATABASE_CONNECTIONS": str(max(2, min(threads * 3 // 8, MAX_CONNECTIONS))),
        "HOP_DATABASE_WAITERS": str(threads - max(1, threads // 8)),
    }
