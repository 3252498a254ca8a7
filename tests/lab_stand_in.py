"""An experiment that measures nothing: one more entry in the list, run as any other.

`codes` says how it goes: up to 50 it ends at once, 50 takes two seconds, 60 goes on until it is
stopped, 66 finds what must never happen, and 67 raises. It refuses to inherit settings.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from keygen.strategies import StrategyName
from lab.experiments import Options, Result
from lab.page import experiment
from lab.page.catalogue import EXPERIMENTS, Experiment
from lab.report.progress import OnProgress, Progress

COMMAND = (sys.executable, __file__)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stand-in</title>
<meta name="color-scheme" content="light dark">
<style>p { color: rgb(1, 2, 3); height: 900px }</style></head>
<body><main><h1>Stand-in</h1><p id="styled">charts</p></main></body></html>"""


class StandInOptions(Options, frozen=True):
    strategies: Annotated[
        tuple[StrategyName, ...], Meta(min_length=1, max_length=2, title="Strategies")
    ] = ("counter", "random")
    codes: Annotated[int, Meta(ge=1, le=100, title="Codes")] = 1


def stand_in(options: StandInOptions, directory: Path, on_progress: OnProgress) -> Result:
    """Stand in for an experiment."""
    strategies, codes = options.strategies, options.codes
    secrets = [name for name in os.environ if name.startswith(("HOP_", "PG"))]
    assert not secrets, f"inherited: {secrets}"
    signal.signal(signal.SIGTERM, lambda *_: stop(directory))
    (directory / "niceness").write_text(str(os.nice(0)))
    for step, strategy in enumerate(strategies):
        on_progress(Progress(step, len(strategies), strategy))
        time.sleep(1 if codes == 50 else 0)
    if codes == 60:  # a child, as real experiments have
        sleeper = subprocess.Popen(["sleep", "60"])
        signal.signal(signal.SIGTERM, lambda *_: (sleeper.kill(), stop(directory)))
        (directory / "child").write_text(str(sleeper.pid))
    (directory / "pid").write_text(str(os.getpid()))
    while codes == 60:
        time.sleep(0.05)
    if codes == 67:
        raise ValueError("the stand-in was told to fail")
    (directory / "stand-in.html").write_text(PAGE)
    (directory / "stand-in.csv").write_text("\n".join(["strategy", *strategies]) + "\n")
    (directory / "stand-in.json").write_text(json.dumps(strategies))
    fault = "duplicates got through" if codes == 66 else ""
    return Result("Nothing was measured.", "", strategies, fault)


def stop(directory: Path) -> None:
    (directory / "stopped").touch()
    sys.exit(143)


ENTRY = Experiment("Stand-in", stand_in, StandInOptions)

if __name__ == "__main__":
    EXPERIMENTS["stand-in"] = ENTRY
    experiment.main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
