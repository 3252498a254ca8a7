"""Dockerfile, compose.yaml and .dockerignore, checked as text.

The tests need no container engine and no YAML parser.
"""

import json
import re
import tomllib
from pathlib import Path

import pytest

from app.settings import unknown_settings
from cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[3]
FILES = ("Dockerfile", "compose.yaml", ".dockerignore")
SECRET = r"\w*(?:PASSWORD|PASSWD|SECRET|TOKEN|_KEY)"


def read(name: str) -> str:
    """A file without comments and line continuations."""
    text = re.sub(r"(?m)(?:^|\s)#.*$", "", (ROOT / name).read_text(encoding="utf-8"))
    return re.sub(r"\\\n\s*", "", text)


def instructions(keyword: str) -> list[str]:
    """The arguments of each `keyword` in the Dockerfile, in order."""
    return re.findall(rf"(?m)^\s*{keyword}\s+(.+)$", read("Dockerfile"))


@pytest.mark.parametrize("name", FILES)
def test_hop_variable_in_a_file_is_one_that_hop_reads(name):
    named = set(re.findall(r"\bHOP_[A-Z_]+", (ROOT / name).read_text(encoding="utf-8")))
    assert unknown_settings(dict.fromkeys(named, "")) == []


def test_command_in_a_file_exists():
    (default,) = instructions("CMD")
    assert json.loads(default)[0] in COMMANDS
    for named in re.findall(r"command: \[(\w+)", read("compose.yaml")):
        assert named in COMMANDS


def test_image_listens_on_the_port_of_its_health_check():
    command = json.loads(instructions("CMD")[0])
    port = command[command.index("--port") + 1]
    (healthcheck,) = instructions("HEALTHCHECK")
    assert f"'127.0.0.1', {port}," in healthcheck
    assert f":{port}" in "".join(re.findall(r"ports: \[(.+)\]", read("compose.yaml")))


def test_packages_are_installed_with_hashes_from_the_locks():
    installs = re.findall(r"pip (?:--python \S+ )?install ([^&]+)", read("Dockerfile"))
    assert any("-r deploy/requirements.lock" in each for each in installs)
    for each in installs:
        assert "--require-hashes" in each or "--no-index" in each, each


def test_image_does_not_run_as_root():
    last_stage = read("Dockerfile").rpartition("\nFROM ")[2]
    user, group = re.findall(r"(?m)^USER (\d+):(\d+)$", last_stage)[-1]
    assert int(user) > 0
    assert int(group) > 0


@pytest.mark.parametrize("name", FILES)
def test_package_index_is_left_to_the_environment(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?://|index-url|INDEX_URL|find-links|trusted-host", text)
    images = re.findall(r"(?:image: |FROM |BASE_IMAGE=)([\w./:-]+)", text)
    assert not [image for image in images if "." in image.partition("/")[0] and "/" in image]


def test_secret_when_missing_stops_compose():
    text = read("compose.yaml")
    used = re.findall(rf"\$\{{({SECRET})(.*?)\}}", text)
    assert {"POSTGRES_PASSWORD", "HOP_ADMIN_KEY"} <= {name for name, _ in used}
    assert all(rest.startswith(":?") for _, rest in used)
    values = re.findall(rf"(?m)^\s*{SECRET}: *(.*)$", text)
    assert all(value.startswith("${") for value in values)
    assert not re.search(rf"(?m)^\s*(?:ARG|ENV)\b.*\b{SECRET}", read("Dockerfile"))


def test_build_context_includes_every_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["packages"]["find"]["include"]
    let_in = {line.removeprefix("!") for line in read(".dockerignore").split("\n")}
    packages = {pattern.rstrip("*.") for pattern in patterns}
    assert packages | {"pyproject.toml", project["project"]["readme"]} <= let_in
