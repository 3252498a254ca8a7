"""The process of a run: `python -m lab.page.experiment NAME OPTIONS DIRECTORY TIMEOUT_S`.

It runs in a session of its own and prints JSON lines: {"progress": {step, of, doing}}, and last
{"result": …}, {"error": …} or {"cancelled": …}. Standard input is a pipe from the web process; the
kernel closes it when that process dies. (PR_SET_PDEATHSIG does not suit: it fires when the thread
that started this process ends, which may be much earlier.)
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


def main(name: str, options: str, directory: Path, timeout_s: float) -> None:
    """Run an experiment, with options as JSON and its report in `directory`; print the outcome."""
    os.nice(10)  # redirects have priority
    threading.Thread(target=stop_when_due, args=(directory, timeout_s), daemon=True).start()
    try:
        experiment = EXPERIMENTS[name]
        chosen = msgspec.json.decode(options, type=experiment.options)
        result = experiment.run(chosen, directory, partial(write_line, "progress"))
    except Exception as error:
        write_line("error", str(error) or type(error).__name__)
        raise
    write_line(*(("error", result.fault) if result.fault else ("result", result.summary)))


def stop_when_due(directory: Path, timeout_s: float) -> None:
    """End this process group when cancelled, after the timeout, or if the web process dies."""
    deadline_s = time.monotonic() + timeout_s
    end = None
    while end is None:
        if select.select([sys.stdin], [], [], 0.1)[0]:  # readable only at end of file
            end = ("cancelled", "The web process that started it was stopped.")
        elif (directory / "cancel").exists():
            end = ("cancelled", "")
        elif time.monotonic() > deadline_s:
            end = ("error", f"Stopped: it took longer than {timeout_s:g} seconds.")
    write_line(*end)
    os.kill(os.getpid(), signal.SIGTERM)  # experiments stop their servers on SIGTERM
    time.sleep(5)  # long enough for Postgres to stop
    os.killpg(0, signal.SIGKILL)


def write_line(kind: str, content: object) -> None:
    """Print a JSON line with a single write, since two threads print."""
    os.write(sys.stdout.fileno(), msgspec.json.encode({kind: content}) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
