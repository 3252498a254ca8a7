"""What only the worker needs stays out of the web process."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(("module", "status"), [("app.factory", 0), ("analytics_worker.run", 1)])
def test_polars_is_loaded_by_the_worker_alone(module: str, status: int):
    program = f"import sys, {module}; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == status


def test_polars_has_one_thread():
    program = "import analytics_worker.run, polars; sys.exit(polars.thread_pool_size() != 1)"
    subprocess.run([sys.executable, "-c", f"import sys; {program}"], check=True)
