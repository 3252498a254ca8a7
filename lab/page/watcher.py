"""Watches over one run: `python -m lab.page.watcher DIRECTORY LONGEST_S COMMAND ...`.

It ends the command when somebody cancels the run, when its time is over, at SIGTERM, and when the
web process that started it is gone: then its standard input, a pipe, ends. (Linux could send a
signal instead, but at the end of the thread that started us, which may come long before.)
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from lab.page.run_files import End, Progress, read_json, write_json

NICENESS: Final = 10  # redirects go first
LOOK_EVERY_S: Final = 0.1
STOPPED_WITHIN_S: Final = 5.0  # of SIGTERM; time to stop a Postgres
LONGEST_MESSAGE: Final = 300

WEB_STOPPED: Final = End("cancelled", "The web process that had started it was stopped.")


def main(directory: Path, longest_s: float, command: list[str]) -> None:
    """Run the command in a session of its own until it ends or must end; say how in end.json."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    os.nice(NICENESS)
    with (directory / "output.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + longest_s
    end = None
    while end is None and process.poll() is None:
        if _input_ended(LOOK_EVERY_S) or stopped:
            end = WEB_STOPPED
        elif (directory / "cancel").exists():
            end = End("cancelled")
        elif time.monotonic() > deadline:
            end = End("failed", f"It was stopped: it took longer than {longest_s:g} seconds.")
    _stop(process)
    write_json(directory / "end.json", end or _describe_end(directory, process.returncode))


def _input_ended(within_s: float) -> bool:
    """Whether the other end of standard input is closed; nothing is ever sent on it."""
    ready, _, _ = select.select([sys.stdin], [], [], within_s)
    return bool(ready)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop, so that it stops what it has started; then end whatever is left of it."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOPPED_WITHIN_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _describe_end(directory: Path, status: int) -> End:
    if status == 0 and (directory / "compare.html").exists():
        return End("finished")
    progress = read_json(directory / "progress.json", Progress)
    if progress is not None and progress.error:
        return End("failed", progress.error)
    lines = (directory / "output.log").read_text(errors="replace").strip().splitlines()
    return End(
        "failed", lines[-1][:LONGEST_MESSAGE] if lines else f"It ended with status {status}."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
