"""The process ids of a demo, as demo.json lists them."""

import psutil

from cli.demo.supervisor import Supervisor


def read_process_ids(supervisor: Supervisor) -> dict[str, int | list[int] | None]:
    """Process ids by the name of the program; None for one that does not run."""
    server = supervisor.pid("web")
    return {
        "web": _web_processes(server),
        "gunicorn": server,  # the main process of the WSGI server, whichever server it is
        "worker": supervisor.pid("worker"),
        "postgres": supervisor.pid("postgres"),
        "redis": supervisor.pid("redis"),
    }


def _web_processes(server_pid: int | None) -> list[int]:
    """The web processes of a WSGI server, in ascending order."""
    try:
        children = psutil.Process(server_pid).children() if server_pid else []
        return sorted(
            child.pid for child in children if "resource_tracker" not in " ".join(child.cmdline())
        )
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
