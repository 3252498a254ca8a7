"""The load test and processes: CPU time, and no gevent in the command line."""

import os
import subprocess
import sys

from lab.load.server_metrics import read_cpu


def test_cpu_of_a_process_includes_children_that_have_ended():
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    before = read_cpu({"web": [os.getpid()], "postgres": None})
    assert before.keys() == {"web"}
    subprocess.run([sys.executable, "-c", burn], check=True)
    after = read_cpu({"web": [os.getpid()], "postgres": None})
    assert after["web"] - before["web"] >= 0.25  # the kernel counts in steps of 10 ms
    assert read_cpu(None) is None


def test_command_line_is_not_patched_by_gevent():
    check = (
        "import sys, cli.load.command; sys.exit(bool({'gevent', 'locust'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
