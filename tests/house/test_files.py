"""What every file of the project keeps to."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())
_PACKAGES = tuple(_PROJECT["tool"]["importlinter"]["root_packages"])
_LONGEST_FILE_LINES = {"tests": 600}  # a table of cases may be long
_LONGEST_OTHER_LINES = 420  # aim at 300
_REFUSED_NAMES = {"sync", "process", "handle", "handler", "manager", "helper", "helpers", "util", "utils", "data", "info", "misc"}
_LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-tools.lock")


def _modules() -> Iterator[Path]:
    for package in (*_PACKAGES, "tests"):
        yield from sorted((_ROOT / package).rglob("*.py"))


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=_ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [_ROOT / name for name in listed.stdout.split("\0") if name]


def _pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)(?:\[[a-z,]+\])?==([^ ;\\]+)", (_ROOT / lock).read_text(), re.MULTILINE))


def _required(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ;]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


def test_no_file_is_too_long_to_read() -> None:
    lengths = {path.relative_to(_ROOT): len(path.read_text().splitlines()) for path in _modules()}
    assert lengths
    bounds = {path: _LONGEST_FILE_LINES.get(path.parts[0], _LONGEST_OTHER_LINES) for path in lengths}
    assert {str(path): length for path, length in lengths.items() if length > bounds[path]} == {}


def test_no_module_or_package_has_a_name_that_says_nothing() -> None:
    assert [path for path in _modules() if {path.stem, path.parent.name} & _REFUSED_NAMES] == []


def test_no_function_or_class_has_a_name_that_says_nothing() -> None:
    kinds = (ast.FunctionDef, ast.ClassDef)
    named = [
        f"{path.relative_to(_ROOT)}:{node.lineno} {node.name}"
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kinds) and node.name.strip("_").lower() in _REFUSED_NAMES
    ]
    assert named == []


def test_the_lock_files_hold_what_the_project_asks_for() -> None:
    runtime = _required(_PROJECT["project"]["dependencies"])
    development = _required(_PROJECT["dependency-groups"]["dev"])
    assert runtime - _pinned("requirements.lock").keys() == set()
    assert (runtime | development) - _pinned("requirements-dev.lock").keys() == set()


def test_what_runs_is_what_was_tested() -> None:
    tested = _pinned("requirements-dev.lock")
    assert {name: version for name, version in _pinned("requirements.lock").items() if tested.get(name) != version} == {}


@pytest.mark.parametrize("lock", _LOCKS)
def test_a_lock_file_has_a_hash_for_everything_and_names_no_index(lock: str) -> None:
    text = (_ROOT / lock).read_text()
    assert "://" not in text
    assert "--index" not in text
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(entries) == len(re.findall(r"^[a-z0-9.-]+(?:\[[a-z,]+\])?==", text, re.MULTILINE))
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_packages_come_from_wherever_pip_is_told_to_look() -> None:
    index = re.compile(r"--(?:extra-)?index-url[ =]\S|\b(?:pypi|npmjs)\.org", re.IGNORECASE)
    own = Path(__file__)
    texts = {path: path.read_bytes().decode(errors="replace") for path in _tracked() if path.is_file() and path != own}
    assert [str(path.relative_to(_ROOT)) for path, text in texts.items() if index.search(text)] == []


def test_every_package_is_installed_with_the_project() -> None:
    found = _PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {pattern.rstrip("*") for pattern in found} == set(_PACKAGES) == set(_PROJECT["tool"]["mypy"]["packages"])


def test_what_is_made_here_is_never_committed() -> None:
    made = re.compile(r"^(?:data|build|\.venv)/|__pycache__|\.env$|\.key$")
    assert [name for path in _tracked() if made.search(name := str(path.relative_to(_ROOT)))] == []
