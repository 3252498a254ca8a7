"""Stands in for `hop keygen compare`: writes the same files, and measures nothing.

With HOP_… in its environment it fails: a run must not inherit settings. `--codes` says how it goes:
up to 50,000 it ends at once, above it goes on until it is stopped, and 66,666 fails.
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Comparison</title>
<meta name="color-scheme" content="light dark">
<style>p { color: rgb(1, 2, 3); height: 900px }</style></head>
<body><main><h1>Comparison</h1><p id="styled">charts</p></main></body></html>"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--strategies", required=True)
    parser.add_argument("--codes", type=int, required=True)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--report", type=Path, required=True)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: stop(asked.report))
    if any(name.startswith("HOP_") for name in os.environ):
        sys.exit("a setting was inherited")
    (asked.report / "pid").write_text(str(os.getpid()))
    (asked.report / "niceness").write_text(str(os.nice(0)))
    strategies = asked.strategies.split(",")
    for step, strategy in enumerate(strategies, start=1):
        write_progress(asked.report, strategy, step, len(strategies))
        time.sleep(0.3 if asked.codes == 50_000 else 0)
    if asked.codes == 66_666:
        sys.exit("Error: the stand-in was told to fail")
    while asked.codes > 50_000:
        time.sleep(0.05)
    (asked.report / "compare.html").write_text(PAGE)
    (asked.report / "compare.csv").write_text("strategy\n" + "\n".join(strategies) + "\n")
    (asked.report / "compare.json").write_text(json.dumps([{"strategy": s} for s in strategies]))


def write_progress(directory: Path, strategy: str, step: int, of: int) -> None:
    progress = {"strategy": strategy, "step": step, "of": of, "finished": False, "error": None}
    (directory / "progress.json").write_text(json.dumps(progress))


def stop(directory: Path) -> None:
    (directory / "stopped").touch()
    sys.exit(143)


if __name__ == "__main__":
    main()
