"""The commands in the README work."""

import re
import subprocess
import sys
from pathlib import Path

from tests.running_demo import RunningDemo, wait_until

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)


def test_make_has_each_target_in_the_readme():
    targets = re.findall(r"^make (\w+)", "".join(BLOCKS), flags=re.MULTILINE)
    assert targets[:2] == ["demo", "test"]
    subprocess.run(["make", "--dry-run", *targets], cwd=ROOT, check=True, capture_output=True)


def test_commands_in_the_readme_work_with_a_demo(tmp_path: Path):
    demo = RunningDemo(tmp_path)
    demo.start()
    try:
        wait_until(lambda: demo.stats("http")["clicks"] > 0, within_s=20)
        for line in BLOCKS[1].splitlines():
            command = line.replace("http://127.0.0.1:8000", demo.url)
            command = command.replace(".venv/bin/hop", f"{sys.executable} -m cli.main")
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=ROOT,
                env={"PATH": "/usr/bin:/bin", "HOP_URL": demo.url, "HOP_DATA_DIR": demo.data_dir},
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            expected = {"stats": "clicks", "javascript": "422", "mine": "/mine", "-i": "HTTP/1.1"}
            for part, found in expected.items():
                assert part not in line or found in done.stdout, f"{line}\n{done.stdout}"
    finally:
        assert demo.stop() == []
