"""One run: `python -m lab.page.experiment NAME OPTIONS DIRECTORY LONGEST_S`, in its own session.

Prints JSON lines: {"progress": {step, of, doing}}, and how it ends: {"result": …}, {"error": …} or
{"cancelled": …}. Standard input is a pipe that the kernel closes when the web process dies.
(PR_SET_PDEATHSIG signals the end of the thread that started us, which may come long before.)
"""

import os
import select
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

import msgspec

from lab.page.catalogue import EXPERIMENTS


def main(name: str, options: str, directory: Path, longest_s: float) -> None:
    """Run it, stopped when its time comes."""
    os.nice(10)  # redirects go first
    threading.Thread(target=stop_when_due, args=(directory, longest_s), daemon=True).start()
    try:
        experiment = EXPERIMENTS[name]
        chosen = msgspec.json.decode(options, type=experiment.options)
        result = experiment.run(chosen, directory, partial(write_line, "progress"))
    except Exception as error:
        write_line("error", str(error) or type(error).__name__)
        raise
    write_line(*(("error", result.fault) if result.fault else ("result", result.summary)))


def stop_when_due(directory: Path, longest_s: float) -> None:
    """End this process and all that it started: when cancelled, too slow, or left alone."""
    deadline_s = time.monotonic() + longest_s
    end = None
    while end is None:
        if select.select([sys.stdin], [], [], 0.1)[0]:  # nothing is ever sent on it
            end = ("cancelled", "The web process that started it was stopped.")
        elif (directory / "cancel").exists():
            end = ("cancelled", "")
        elif time.monotonic() > deadline_s:
            end = ("error", f"Stopped: it took longer than {longest_s:g} seconds.")
    write_line(*end)
    os.kill(os.getpid(), signal.SIGTERM)  # an experiment with servers stops them and exits
    time.sleep(5)  # enough to stop a Postgres
    os.killpg(0, signal.SIGKILL)


def write_line(kind: str, content: object) -> None:
    """Print a line in one piece: two threads print."""
    os.write(sys.stdout.fileno(), msgspec.json.encode({kind: content}) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
